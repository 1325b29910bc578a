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

/** The longest start of the text of at most so many bytes of UTF-8: what Analytics Engine keeps of an index. */
export function cutToBytes(text: string, bytes: number): string {
  // No character takes more than three bytes for each of its units.
  if (text.length * 3 <= bytes) return text;
  const encoded = new TextEncoder().encode(text);
  if (encoded.length <= bytes) return text;
  let end = bytes;
  // A continuation byte is 10xxxxxx: the character that it belongs to is left out whole.
  while (end > 0 && ((encoded[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end -= 1;
  return new TextDecoder().decode(encoded.subarray(0, end));
}
