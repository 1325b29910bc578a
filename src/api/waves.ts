/**
 * Works through many items a few at a time, so that one request leaves its isolate to others.
 *
 * Where objects and isolate share a thread, as on one machine, each answer leads to the next call without the thread ever reading
 * from a socket: everybody else waits until the last item is done. So items go in waves, and between two waves the thread is
 * free. A timer that fires late shows that a wave kept it busy: the next one is half as wide.
 */

const FIRST_WIDTH = 8;
/** Calls to far objects wait rather than work: so many at once take 1,000 users through in 32 round trips. */
const MAX_WIDTH = 32;
/** A wave that keeps the isolate for longer than this delays others for as long. */
const MAX_BUSY_MS = 25;

/** Runs `work` for each item. Rejects as the first `work` that does. */
export async function inWaves<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let width = FIRST_WIDTH;
  for (let from = 0; from < items.length;) {
    const wave = items.slice(from, from + width);
    from += wave.length;
    const startMs = Date.now();
    const beat = scheduler.wait(1).then(() => Date.now() - startMs);
    await Promise.all(wave.map(work));
    const busyMs = await beat;
    width = busyMs > MAX_BUSY_MS ? Math.max(1, Math.floor(width / 2)) : Math.min(MAX_WIDTH, width * 2);
  }
}
