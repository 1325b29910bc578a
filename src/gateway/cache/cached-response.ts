/** Makes the client's response of a stored one. */
import { isNotModified } from "./conditional.ts";
import { cacheStatus, clientStream, type Visit } from "./visit.ts";
import { ageMsAt, type Stored } from "./stored-response.ts";

/** Headers of the body, which a 304 does not have. */
const OF_BODY = ["content-encoding", "content-language", "content-length", "content-range", "content-type"];

/** @param status the value of our member of Cache-Status. */
export function cachedResponse(
  visit: Visit,
  { meta, body, range, length }: Stored,
  status: string,
  nowMs: number,
): Response {
  const { request, requestId } = visit.admitted.exchange;
  const headers = new Headers(meta.headers);
  headers.set("Age", String(Math.floor(ageMsAt(meta, nowMs) / 1_000)));
  headers.append("Cache-Status", cacheStatus(status));
  headers.set("X-Request-Id", requestId);
  if (isNotModified(request.headers, meta, nowMs)) {
    discard(body);
    for (const name of OF_BODY) headers.delete(name);
    return new Response(null, { status: 304, headers });
  }
  const hasBody = meta.status !== 204 && meta.status !== 205;
  if (range !== null) headers.set("Content-Range", range);
  if (hasBody) headers.set("Content-Length", String(length));
  const sent = hasBody && request.method !== "HEAD";
  if (!sent) discard(body);
  const framed = sent ? (body?.pipeThrough(clientStream(visit, length)) ?? null) : null;
  return new Response(framed, {
    status: range === null ? meta.status : 206,
    headers,
    // The bytes are those of the upstream, encoded or not.
    encodeBody: "manual",
  });
}

function discard(body: Stored["body"]): void {
  body?.cancel().catch(() => undefined);
}
