/**
 * The queue and the current call of one object, and when they are due: when the next call may be sent, and when a waiting request checks
 * for its answer.
 */

/** The shortest time between two checks of a waiting request. A timer costs about ten microseconds. */
export const MIN_LOOK_MS = 1;
/** The longest: one slow call must not delay the answers of the next ones. */
export const MAX_LOOK_MS = 20;
/** About this many waiters of one object check per millisecond, however many wait. */
const LOOKS_PER_MS = 32;
/** A waiter checks for a late answer again after this part of a call's duration. */
const LATE_LOOK = 1 / 8;
/** Pause between the calls that one request makes in a row, so that more questions gather: a call of many costs little more than one of few. */
export const BETWEEN_MS = 1;
/** Parts of the questions in one call; the rest goes into the next. Such a call takes the object about a millisecond. */
export const MAX_PER_CALL = 256;

/** One request's question, and its answer once there is one. */
export interface Waiter<Q, A> {
  readonly question: Q;
  /** When its request stops waiting. Postponed if the isolate is busy. */
  giveUpAtMs: number;
  state: { readonly kind: "waiting" | "sent" } | { readonly kind: "answered"; readonly answer: A } | Failed;
}

/** The call that carried a question has failed. */
export interface Failed {
  readonly kind: "failed";
  readonly fault: unknown;
}

/** The queue and the current call of one object. */
export interface Lane<Q, A> {
  queue: Waiter<Q, A>[];
  /** Until when a call is in progress, at the latest; 0: none is. */
  busyUntilMs: number;
  /** When the last call was sent. */
  sentAtMs: number;
  /** The least time from one call to the next: see `Combiner.pace`. */
  paceMs: number;
  /** The usual duration of a call; 0 if unknown. */
  callMs: number;
}

/** When the next call may be sent. A clock that has stepped back makes nobody wait longer. */
export function freeAtMs<Q, A>({ busyUntilMs, sentAtMs, paceMs }: Lane<Q, A>, nowMs: number): number {
  // At the usual pace, only the request that sends for others pauses between its calls.
  if (paceMs <= BETWEEN_MS || sentAtMs > nowMs) return busyUntilMs;
  return Math.max(busyUntilMs, sentAtMs + paceMs);
}

/**
 * How long to wait before checking for an answer. A question that was sent is answered by the current call, a waiting one by the call
 * that has room for it. While the duration of a call is unknown, it is assumed to last slightly longer than it has so far.
 */
export function untilAnswerMs<Q, A>(lane: Lane<Q, A>, waiter: Waiter<Q, A>, nowMs: number): number {
  const { queue, sentAtMs, callMs } = lane;
  const freeMs = freeAtMs(lane, nowMs);
  const endsAtMs = sentAtMs + callMs;
  const isSent = waiter.state.kind === "sent";
  const callsAhead =
    isSent || queue.length <= MAX_PER_CALL ? 0 : Math.floor(queue.indexOf(waiter) / MAX_PER_CALL);
  const expectedAtMs = isSent ? endsAtMs : Math.max(nowMs, endsAtMs) + callMs * (1 + callsAhead);
  const lateMs = LATE_LOOK * Math.max(callMs, nowMs - sentAtMs);
  const lookMs = Math.max(expectedAtMs - nowMs, lateMs, MIN_LOOK_MS);
  // No answer comes before the calls ahead are done. A waiter may send when the current call is overdue.
  const overdueMs = isSent || freeMs <= nowMs ? Infinity : freeMs - nowMs;
  const maxMs = Math.min(overdueMs, Math.max(MAX_LOOK_MS, callMs * callsAhead));
  return Math.ceil(Math.max(Math.min(lookMs, maxMs), queue.length / LOOKS_PER_MS));
}
