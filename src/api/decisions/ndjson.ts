/**
 * Reads newline-delimited JSON from a stream. Lines are yielded in the groups in which they arrive: a caller that sends slowly gets its
 * answers as it sends, and memory holds one group at a time.
 */

/** A longer line is rejected: it cannot be an operation. */
const OPERATION_LENGTH = 16_384;

/** One line, or the reason why it was not read. */
export type Line = { readonly kind: "line"; readonly text: string } | { readonly kind: "too-long" };

/** The non-empty lines of a UTF-8 stream, grouped by arrival. A line that is longer than `maxLength` is reported and skipped. */
export async function* linesOf(
  body: ReadableStream<Uint8Array>,
  maxLength = OPERATION_LENGTH,
): AsyncGenerator<Line[]> {
  const decoder = new TextDecoder();
  let rest = "";
  let skipping = false;
  const take = (text: string): Line[] => {
    // Searches only the new text: a line that arrives byte by byte costs no more than one that arrives at once.
    const [first = "", ...further] = text.split("\n");
    const pieces = [rest + first, ...further];
    rest = pieces.pop() ?? "";
    const lines: Line[] = [];
    for (const piece of pieces) {
      if (skipping) skipping = false;
      else if (piece.length > maxLength) lines.push({ kind: "too-long" });
      else if (piece.trim() !== "") lines.push({ kind: "line", text: piece });
    }
    if (rest.length > maxLength) {
      if (!skipping) lines.push({ kind: "too-long" });
      skipping = true;
      rest = "";
    }
    return lines;
  };
  for await (const chunk of body) {
    const lines = take(decoder.decode(chunk, { stream: true }));
    if (lines.length > 0) yield lines;
  }
  const last = take(`${decoder.decode()}\n`);
  if (last.length > 0) yield last;
}
