/**
 * What a missing answer shows of a user's object: whether it has failed, or the user or this isolate has too much to do. The decision
 * that follows goes by what is noted here.
 */
import { DeadlineExceeded, Stretch } from "../deadline.ts";
import { QueueFull } from "./combiner.ts";
import type { LastHeard } from "./last-heard.ts";

/** After this long, a request without a place in the queue first checks whether the object is alive; then after twice as long each time. */
const FIRST_LOOK_MS = 50;

/**
 * Notes what the missing answer shows. A request that found the queue full waits until the object is known to be alive, a deadline at
 * most. The request that sent the call has counted and logged why it failed.
 */
export async function missedAnswer(
  heard: LastHeard,
  subject: string,
  fault: unknown,
  deadlineMs: number,
): Promise<null> {
  if (fault instanceof DeadlineExceeded && fault.wasBusy) heard.overloaded(subject, 0, Date.now());
  return fault instanceof QueueFull ? untilHeard(heard, subject, deadlineMs) : null;
}

async function untilHeard(heard: LastHeard, subject: string, deadlineMs: number): Promise<null> {
  const stretch = new Stretch(deadlineMs);
  let leftMs = deadlineMs;
  for (let lookMs = FIRST_LOOK_MS; leftMs > 0; lookMs *= 2) {
    const fromMs = Date.now();
    if (heard.isAlive(subject, fromMs)) return null;
    const waitMs = Math.min(lookMs, leftMs);
    await scheduler.wait(waitMs);
    const nowMs = Date.now();
    leftMs += stretch.after(fromMs, waitMs, nowMs) - Math.max(waitMs, nowMs - fromMs);
  }
  if (stretch.wasBusy) heard.overloaded(subject, 0, Date.now());
  return null;
}
