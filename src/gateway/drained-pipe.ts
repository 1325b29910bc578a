/**
 * Pipes a response's body to its client, shows each chunk to an observer, and reads on for the observer if the client leaves: leaving does
 * not end what the upstream is working on, so it must not end its bill either (pollinations/pollinations#5594).
 *
 * Changes no byte, and keeps none: at most one chunk is in memory.
 */

import { InFlight } from "./in-flight.ts";

/** How a body ended: all of it was read, the upstream broke off, or the client left and the rest was not read. */
export type BodyEnd = "whole" | "broken" | "left";

/** Bodies of clients that have left which this isolate reads at once. Each holds one of the isolate's connections. */
export const MAX_DRAINS = 32;
/** How long each is read. Work of a request whose client has left may take 30 s on Cloudflare: the rest is for what follows. */
const DRAIN_MS = 25_000;

/** Of this isolate. The runtime may end a request whose client has left before the drain's end is counted: InFlight then forgets it. */
const drains = new InFlight();

/** Resolves when `source` has ended. Never rejects. `sink` is closed or aborted as `source` is. @param observe must not throw. */
export async function drainedPipe(
  source: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
  observe: (chunk: Uint8Array) => void,
): Promise<BodyEnd> {
  const reader = source.getReader();
  const writer = sink.getWriter();
  let hasLeft = false;
  let isOver = false;
  let isCut = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let begun = 0;
  const cut = (): void => {
    isCut = true;
    reader.cancel().catch(() => undefined);
  };
  const leave = (): void => {
    if (hasLeft || isOver) return;
    hasLeft = true;
    if (drains.count(Date.now()) >= MAX_DRAINS) {
      cut();
      return;
    }
    begun = drains.begin(Date.now());
    timer = setTimeout(cut, DRAIN_MS);
  };
  // Noticed while the upstream is silent, too.
  writer.closed.catch(leave);
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      observe(next.value);
      if (!hasLeft) await writer.write(next.value).catch(leave);
    }
    isOver = true;
    if (!hasLeft) await writer.close().catch(() => undefined);
    return isCut ? "left" : "whole";
  } catch (thrown) {
    isOver = true;
    if (!hasLeft) await writer.abort(thrown).catch(() => undefined);
    return isCut ? "left" : "broken";
  } finally {
    if (timer !== null) {
      clearTimeout(timer);
      drains.end(begun, Date.now());
    }
  }
}
