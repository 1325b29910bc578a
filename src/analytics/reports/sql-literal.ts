/**
 * Writes values as literals of Analytics Engine's SQL, which has no parameters. No other code may put a value into a query.
 *
 * The dialect is ClickHouse's: inside a string, both the quote and the backslash are special.
 */

/** A string literal of exactly this text. Lone surrogates, which UTF-8 lacks, become U+FFFD. */
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

/** @throws RangeError if the value is NaN or too large to be written exactly: a bug of the caller. */
export function numberLiteral(value: number): string {
  if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw new RangeError("not a number for a query");
  return String(value);
}

/** A list of strings for IN. */
export function listLiteral(texts: readonly string[]): string {
  return `(${texts.map(textLiteral).join(", ")})`;
}
