/** CSV as RFC 4180 has it, safe to open in a spreadsheet. */

/** Lines with a header line, each ended by CRLF. */
export function csvText(header: readonly string[], lines: readonly (readonly (string | number)[])[]): string {
  return [header, ...lines].map((line) => `${line.map(field).join(",")}\r\n`).join("");
}

/** Quoted where needed, and never read as a formula by a spreadsheet. */
function field(value: string | number): string {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
