/** JSON laid out to be read and compared: what fits a line stands on one, so that a limit is a line. Pure. */

const WIDTH = 100;

/** Two documents of one meaning and order of fields have one layout. */
export function formatJson(value: unknown): string {
  return `${laidOut(value, "", 0)}\n`;
}

/** `used` is how much of the first line is taken already. */
function laidOut(value: unknown, indent: string, used: number): string {
  const line = inOneLine(value);
  // The document itself always stands open.
  if (indent.length + used + line.length <= WIDTH && indent !== "") return line;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return value.length === 0
      ? "[]"
      : block(
          "[",
          value.map((item) => inner + laidOut(item, inner, 1)),
          `${indent}]`,
        );
  }
  if (typeof value !== "object" || value === null) return line;
  const fields = Object.entries(value).map(([name, field]) => {
    const key = `${JSON.stringify(name)}: `;
    return inner + key + laidOut(field, inner, key.length + 1);
  });
  return fields.length === 0 ? "{}" : block("{", fields, `${indent}}`);
}

function block(open: string, lines: readonly string[], close: string): string {
  return `${open}\n${lines.join(",\n")}\n${close}`;
}

function inOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}: ${inOneLine(field)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
