/**
 * Reads a short body of a request, so that it can be sent more than once. A longer one is sent on as it arrives, and only once.
 */
import { DeadlineExceeded, withDeadline } from "../../deadline.ts";

/** Longest body that is read. */
export const MAX_BODY = 65_536;
/** As long as an upload may make no progress (proxy.ts). */
const IDLE_MS = 30_000;
/** Bodies that this isolate keeps at once, from their first byte to their response: at most 16 MiB of the 128 of the isolate. */
export const MAX_BODIES = 256;

export type ShortBody =
  | { readonly kind: "read"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The client left, or broke its framing. */
  | { readonly kind: "broken-off" }
  /** It made no progress. */
  | { readonly kind: "timeout" };

/** Reads a body of at most {@link MAX_BODY} bytes. Never rejects. */
export async function readShortBody(body: ReadableStream<Uint8Array>): Promise<ShortBody> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await withDeadline(reader.read(), IDLE_MS, "request body");
      if (done) return { kind: "read", bytes: joined(chunks) };
      chunks.push(value);
      length += value.byteLength;
      if (length > MAX_BODY) throw new Error("longer than announced");
    }
  } catch (thrown) {
    reader.cancel(thrown).catch(() => undefined);
    return { kind: thrown instanceof DeadlineExceeded ? "timeout" : "broken-off" };
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
