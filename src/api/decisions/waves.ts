/**
 * Processes many items a few at a time, so that one request does not occupy its isolate.
 *
 * If objects and isolate share a thread, as on one machine, each answer triggers the next call before the thread reads from a socket:
 * all other requests wait until the last item is done. So items are processed in waves, and the thread is free between two waves. A
 * timer that fires late shows that a wave kept the thread busy: the next wave is half as wide.
 */

const FIRST_WIDTH = 8;
/** Calls to distant objects mostly wait: this many at once serve 1,000 users in 32 round trips. */
const MAX_WIDTH = 32;
/** A wave that keeps the isolate busy delays other requests for as long. */
const MAX_BUSY_MS = 25;

/** Runs `work` for each item. Rejects with the first rejection. */
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
