/** Texts cut to what Analytics Engine stores: for writers, and for readers that look for what was written. Pure. */

/** Bytes that Analytics Engine stores of an index. */
export const INDEX_BYTES = 96;

/** The longest beginning of a text that takes at most `bytes` in UTF-8. */
export function cut(text: string, bytes: number): string {
  // A UTF-16 unit never takes more than three bytes.
  if (text.length * 3 <= bytes) return text;
  const target = new Uint8Array(bytes);
  const { read } = new TextEncoder().encodeInto(text, target);
  return text.slice(0, read);
}
