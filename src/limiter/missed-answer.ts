/**
 * Finds out what a missing answer says about a user's object: it has failed, or the user or this isolate has too much to do. The decision
 * without the object uses what is noted here.
 */
import { DeadlineExceeded, Stretch } from "../deadline.ts";
import { QueueFull } from "./combiner.ts";
import type { LastHeard } from "./last-heard.ts";

/** A request that found the queue full first checks after this time whether the object is alive, then after twice the time each. */
const FIRST_LOOK_MS = 50;

/**
 * Notes what the missing answer says. A request that found the queue full waits until the object is known to be alive, at most a
 * deadline. Counts and logs nothing: the request that sent the call has done so.
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
