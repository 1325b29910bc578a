/** Frees the slots of a concurrency limit when the response has been sent, its WebSocket has closed, or either was interrupted. */
import type { Decision } from "../core/decision.ts";
import type { Admitted } from "./exchange.ts";
import { pumpWebSocket } from "./pump-web-socket.ts";

/** Keeps the request alive until it has a response, even if the client leaves, and frees the slots if it gets none. */
export function keepSlots(
  response: Response | Promise<Response>,
  { exchange: { services, waitUntil }, caller }: Admitted,
  { holds }: Decision,
): void {
  const release = (): Promise<void> => services.limiter.release(caller.subject, holds, Date.now(), waitUntil);
  waitUntil(Promise.resolve(response).then(() => undefined, release));
}

/** The response to send. If it holds slots, it is watched until its end. */
export function releaseSlots(
  response: Response,
  { exchange: { services, request, waitUntil }, caller }: Admitted,
  { holds }: Decision,
): Response {
  if (holds.length === 0) return response;
  const release = (): Promise<void> => services.limiter.release(caller.subject, holds, Date.now(), waitUntil);
  const { webSocket } = response;
  if (webSocket) {
    const client = pumpWebSocket(webSocket, () => waitUntil(release()));
    return new Response(null, { status: 101, webSocket: client, headers: response.headers });
  }
  // The runtime sends no body for HEAD, so its end would never be seen.
  if (!response.body || request.method === "HEAD") {
    waitUntil(release());
    return response;
  }
  const { readable, writable } = watchedStream(response.headers.get("Content-Length"));
  waitUntil(response.body.pipeTo(writable).then(release, release));
  return new Response(readable, response);
}

/**
 * A stream whose end is seen. A known length is kept; the runtime then reports a client that has left only when the next bytes are written.
 * Without one, it reports that at once.
 */
function watchedStream(length: string | null): TransformStream {
  return length !== null && /^\d{1,15}$/.test(length)
    ? new FixedLengthStream(Number(length))
    : new TransformStream();
}
