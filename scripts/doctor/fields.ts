/** Reads fields of untrusted JSON. Never imports a package: the doctor must run before dependencies are installed. */

export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object in a field, or an empty one. */
export function fieldsIn(value: unknown, name: string): Fields {
  const inner = isFields(value) ? value[name] : undefined;
  return isFields(inner) ? inner : {};
}

/** The text in a field, or null. */
export function textIn(value: unknown, name: string): string | null {
  const inner = isFields(value) ? value[name] : undefined;
  return typeof inner === "string" ? inner : null;
}

/** Only the fields that hold text. */
export function textsOf(fields: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** The objects in a JSON array; empty if the value is not an array. */
export function rowsOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

/** The parsed value, or undefined if the text is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
