/** Texts cut to what Analytics Engine takes: by writers, and by readers that ask for what was written. Pure. */

/** Bytes that Analytics Engine takes of an index. */
export const INDEX_BYTES = 96;

/** The longest beginning that takes no more bytes in UTF-8. */
export function cut(text: string, bytes: number): string {
  // No text takes more than three bytes for a UTF-16 unit.
  if (text.length * 3 <= bytes) return text;
  const target = new Uint8Array(bytes);
  const { read } = new TextEncoder().encodeInto(text, target);
  return text.slice(0, read);
}
