/** Formats JSON for reading and comparing: a value that fits on one line is one line, such as a limit. Pure. */

const WIDTH = 100;

/** Equal documents with the same order of fields have the same text. */
export function formatJson(value: unknown): string {
  return `${formatted(value, "", 0)}\n`;
}

/**
 * The text of a value inside a document.
 * @param indent the spaces before the line on which it begins.
 * @param used the number of characters already on that line, without the indent.
 */
export function formatted(value: unknown, indent: string, used: number): string {
  const line = onOneLine(value);
  // The document itself always spans several lines.
  if (indent.length + used + line.length <= WIDTH && indent.length + used > 0) return line;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return value.length === 0
      ? "[]"
      : block(
          "[",
          value.map((item) => inner + formatted(item, inner, 1)),
          `${indent}]`,
        );
  }
  if (typeof value !== "object" || value === null) return line;
  const fields = Object.entries(value).map(([name, field]) => {
    const key = `${JSON.stringify(name)}: `;
    return inner + key + formatted(field, inner, key.length + 1);
  });
  return fields.length === 0 ? "{}" : block("{", fields, `${indent}}`);
}

function block(open: string, lines: readonly string[], close: string): string {
  return `${open}\n${lines.join(",\n")}\n${close}`;
}

function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}: ${onOneLine(field)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
