/**
 * An alarm that is not given up. The runtime calls one that fails again after 2 s, twice as long each time, and forgets it after the
 * sixth: what it was for would wait until something else sets it, which for a key that KV was never told of is never.
 *
 * Knows nothing of what is due.
 */
import { createLog, messageOf } from "../src/log.ts";

/** The retry that does not fail any more: one before the runtime's last, after about a minute. */
const LAST_RETRY = 5;
/** How long after that the alarm rings anew: the outbox's longest delay. */
const ANEW_MS = 300_000;

/**
 * Does what is due. Rejects where that fails, so that the runtime tries again soon; at the last retry the alarm is set
 * anew instead, and the log says why. Rejects then only where not even that can be stored.
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
