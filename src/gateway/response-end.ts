/**
 * Sees when a response has been sent, its WebSocket has closed, or either was interrupted. The only watcher of responses: it serves the
 * slots of a concurrency limit, the settling of reservations and the health of a pool's targets.
 *
 * Touches no byte: a response keeps its encoding, its length and its ETag.
 */
import type { WaitUntil } from "../wait-until.ts";
import { pumpWebSocket } from "./pump-web-socket.ts";

/** Sends a body on, and resolves with what it found there when the body has ended. Never rejects. */
export type Pipe<Found> = (
  source: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
) => Promise<Found>;

/** Sends a body on without looking at it. If the client leaves, the upstream is cancelled. */
export async function plainPipe(
  source: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
): Promise<null> {
  await source.pipeTo(sink).catch(() => undefined);
  return null;
}

/**
 * The response to send. Calls `ended` once, under waitUntil, when it has ended.
 * @param isPipedAgain whether the response is watched once more: the runtime cannot pipe a stream of a known length into another such stream,
 * so only the last watcher has one.
 * @param pipe gets the body. A WebSocket, and a response without a body, has none: then `ended` gets null.
 */
export function watchEnd<Found>(
  response: Response,
  {
    request,
    waitUntil,
    isPipedAgain = false,
  }: { readonly request: Request; readonly waitUntil: WaitUntil; readonly isPipedAgain?: boolean },
  pipe: Pipe<Found>,
  ended: (found: Found | null) => Promise<void>,
): Response {
  const { webSocket } = response;
  if (webSocket) {
    const client = pumpWebSocket(webSocket, () => waitUntil(ended(null)));
    return new Response(null, { status: 101, webSocket: client, headers: response.headers });
  }
  // The runtime sends no body for HEAD, so its end would never be seen.
  if (!response.body || request.method === "HEAD") {
    waitUntil(ended(null));
    return response;
  }
  const { readable, writable } = watchedStream(isPipedAgain ? null : response.headers.get("Content-Length"));
  waitUntil(pipe(response.body, writable).then(ended));
  return new Response(readable, response);
}

/**
 * A stream whose end is seen. A known length is kept; the runtime then reports a client that has left only when the next bytes are written.
 * Without one, it reports that at once.
 */
function watchedStream(length: string | null): TransformStream<Uint8Array, Uint8Array> {
  return length !== null && /^\d{1,15}$/.test(length)
    ? new FixedLengthStream(Number(length))
    : new TransformStream();
}
