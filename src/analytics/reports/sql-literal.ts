/**
 * Values as literals of Analytics Engine's SQL, which takes no parameters. Nothing else may put a value into a query.
 *
 * Its dialect is ClickHouse's: both the quote and the backslash mean something inside a string.
 */

/** A string that reads back as exactly this text, whatever is in it; lone surrogates, which UTF-8 lacks, become U+FFFD. */
export function textLiteral(text: string): string {
  const escaped = text.toWellFormed().replaceAll(/['\\\0\n\r\t\b\f]/g, (char) => ESCAPES[char] ?? "");
  return `'${escaped}'`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "'": "\\'",
  "\\": "\\\\",
  "\0": "\\0",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};

/** @throws RangeError where it is no number, or too large to be written out: no caller should come so far. */
export function numberLiteral(value: number): string {
  if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw new RangeError("no number of a query");
  return String(value);
}

/** A list of strings for IN. */
export function listLiteral(texts: readonly string[]): string {
  return `(${texts.map(textLiteral).join(", ")})`;
}
