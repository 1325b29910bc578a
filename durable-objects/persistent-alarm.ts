/**
 * An alarm that is never dropped. The runtime retries a failed alarm after 2 s, then after twice as long each time, and drops it after the
 * sixth retry. Its work would then wait until something else sets the alarm, which may never happen, as for a key that KV lacks.
 *
 * Knows nothing of the work itself.
 */
import { createLog, messageOf } from "../src/log.ts";

/** The retry that sets the alarm again instead of failing: one before the runtime's last, after about a minute. */
const LAST_RETRY = 5;
/** How long after that the alarm runs again: the outbox's longest delay. */
const ANEW_MS = 300_000;

/**
 * Runs the work. Rejects if it fails, so that the runtime retries soon. At the last retry it sets the alarm again instead and logs why, and
 * rejects only if even that cannot be stored.
 */
export async function persistently(
  storage: DurableObjectStorage,
  info: AlarmInvocationInfo | undefined,
  due: () => Promise<void>,
): Promise<void> {
  try {
    await due();
  } catch (thrown) {
    if ((info?.retryCount ?? 0) < LAST_RETRY) throw thrown;
    createLog("info")("error", "alarm_failed", { error: messageOf(thrown) });
    await storage.setAlarm(Date.now() + ANEW_MS);
  }
}
