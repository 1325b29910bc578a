/**
 * What an exact limiter may admit of a user whose limit changes, from what clients and operator observe. A request is decided between its
 * sending and its answer, a change takes effect between its sending and its acknowledgement, and all read one clock. So every bound here
 * holds whatever those moments were. Pure.
 */
export interface Limits {
  readonly capacity: number;
  readonly perMs: number;
}

/** A change, and the state of the account after it. */
export interface Change {
  readonly sentMs: number;
  readonly ackMs: number;
  readonly limits: Limits;
  /** Whether it empties the limit. */
  readonly isReset: boolean;
  readonly isBlocked: boolean;
  /** The isolate through which it was made. */
  readonly isolate: number;
}

export interface Answered {
  /** The isolate that answered. */
  readonly isolate: number;
  readonly sentMs: number;
  readonly knownMs: number;
  readonly isAllowed: boolean;
  readonly isBlocked: boolean;
  /** Whether it was decided by the object, a lease or a repeated denial. */
  readonly isKnown: boolean;
  readonly source: string;
  /** Of the limit, as the answer says; NaN: it does not. */
  readonly capacity: number;
}

/** Clocks are read in whole milliseconds. */
const CLOCK_STEPS_MS = 2;

/** A state that may be in force from when its change was sent until the next one is acknowledged. */
interface Span {
  readonly limits: Limits;
  readonly fromMs: number;
  readonly toMs: number;
}

function spansOf(first: Limits, changes: readonly Change[]): Span[] {
  const toMs = (next: number): number => changes[next]?.ackMs ?? Infinity;
  const spans = changes.map(({ limits, sentMs }, i) => ({ limits, fromMs: sentMs, toMs: toMs(i + 1) }));
  return [{ limits: first, fromMs: -Infinity, toMs: toMs(0) }, ...spans];
}

/** How far the worst window exceeds its bound, in tokens; of an exact limiter never above 0. @param changes in order, one after the other. */
export function overAdmission(
  first: Limits,
  changes: readonly Change[],
  answers: readonly Answered[],
): number {
  const spans = spansOf(first, changes);
  const resets = changes.filter(({ isReset }) => isReset);
  const passed = answers.filter(({ isAllowed }) => isAllowed).toSorted((a, b) => a.knownMs - b.knownMs);
  const refilledBy = refills(spans, passed);
  const tolerance = CLOCK_STEPS_MS * Math.max(...spans.map(({ limits }) => limits.perMs));
  let worst = -Infinity;
  for (const begin of passed) {
    let count = 0;
    let [capacity, next, emptied, nextReset] = [0, 0, 0, 0];
    const beginMs = begin.sentMs;
    for (const one of passed) {
      if (one.sentMs < beginMs) continue;
      count += 1;
      for (let span = spans[next]; span && span.fromMs <= one.knownMs; span = spans[++next])
        if (span.toMs >= beginMs) capacity = Math.max(capacity, span.limits.capacity);
      for (let reset = resets[nextReset]; reset && reset.sentMs <= one.knownMs; reset = resets[++nextReset])
        if (reset.ackMs >= beginMs) emptied += reset.limits.capacity;
      const refilled = refilledBy(one.knownMs) - refilledBy(beginMs) + tolerance;
      worst = Math.max(worst, count - capacity - emptied - refilled);
    }
  }
  return worst;
}

/** What may have been refilled up to a moment, at the fastest rate that may have been in force. */
function refills(spans: readonly Span[], passed: readonly Answered[]): (atMs: number) => number {
  const startMs = Math.min(...passed.map(({ sentMs }) => sentMs));
  const edges = [...new Set(spans.flatMap(({ fromMs, toMs }) => [fromMs, toMs]))]
    .filter((edge) => edge > startMs && edge < Infinity)
    .toSorted((a, b) => a - b);
  const pieces: { readonly fromMs: number; readonly sum: number; readonly perMs: number }[] = [];
  let sum = 0;
  let fromMs = startMs;
  for (const edge of [...edges, Infinity]) {
    const inForce = spans.filter((span) => span.fromMs < edge && span.toMs > fromMs);
    const perMs = Math.max(...inForce.map(({ limits }) => limits.perMs));
    pieces.push({ fromMs, sum, perMs });
    sum += perMs * (edge - fromMs);
    fromMs = edge;
  }
  return (atMs) => {
    const piece = pieces.findLast((one) => one.fromMs <= atMs) ?? pieces[0];
    return piece ? piece.sum + piece.perMs * (atMs - piece.fromMs) : 0;
  };
}

/** Requests that were sent after a change was acknowledged and before the next was sent, and decided by another state. */
export function staleAnswers(
  first: Limits,
  changes: readonly Change[],
  answers: readonly Answered[],
): Answered[] {
  return answers.filter((one) => {
    const i = changes.findLastIndex(({ ackMs }) => ackMs < one.sentMs);
    const change = changes[i];
    if (!change || !one.isKnown || (changes[i + 1]?.sentMs ?? Infinity) <= one.knownMs) return false;
    const before = changes[i - 1]?.limits ?? first;
    // A grant need not reach leases of before: they admit no more than without it.
    const isOlder =
      one.source === "lease" &&
      change.limits.capacity > before.capacity &&
      change.limits.perMs === before.perMs;
    const isStale =
      change.isBlocked !== one.isBlocked || (!one.isBlocked && one.capacity !== change.limits.capacity);
    return isStale && !(isOlder && one.capacity === before.capacity);
  });
}

/** A lease or a repeated denial of before is over so long after the object knows better: a second, and what clocks may be wrong by. */
const OLD_MS = 1_000 + 50 + CLOCK_STEPS_MS;

/**
 * Changes of the policy, for which nobody waits: as changes that are acknowledged once the object is known to decide by them, and what
 * isolates have from before is over. That bounds what may be admitted; {@link outdatedAnswers} judges the answers one by one.
 */
export function asAcknowledged(
  changes: readonly Change[],
  answers: readonly Answered[],
  revisionOf: (capacity: number) => number,
): Change[] {
  return changes.map((change) => {
    const revision = revisionOf(change.limits.capacity);
    const known = answers.filter((one) => isOfObject(one) && revisionOf(one.capacity) >= revision);
    const knownMs = Math.min(...known.map((one) => one.knownMs));
    return { ...change, ackMs: Math.max(change.ackMs, knownMs) + OLD_MS };
  });
}

/**
 * Answers by an older policy than they may be by:
 * - in the isolate through which it was changed, than the one acknowledged before the request was sent;
 * - of the object, than one by which it had answered before (no object goes back);
 * - in any isolate, than one by which the object had answered so long before that no lease and no repeated denial can be of before.
 */
export function outdatedAnswers(
  changes: readonly Change[],
  answers: readonly Answered[],
  revisionOf: (capacity: number) => number,
): Answered[] {
  const newest = newestOf(answers.filter(isOfObject), revisionOf);
  return answers.filter((one) => {
    if (!one.isKnown || one.isBlocked) return false;
    const own = changes.findLast(({ isolate, ackMs }) => isolate === one.isolate && ackMs < one.sentMs);
    const least = Math.max(
      own ? revisionOf(own.limits.capacity) : -Infinity,
      isOfObject(one) ? newest(one.sentMs) : -Infinity,
      newest(one.sentMs - OLD_MS),
    );
    return revisionOf(one.capacity) < least;
  });
}

/** The newest revision of the answers that were known before a moment. */
function newestOf(
  answers: readonly Answered[],
  revisionOf: (capacity: number) => number,
): (beforeMs: number) => number {
  const sorted = answers.toSorted((a, b) => a.knownMs - b.knownMs);
  let newest = -Infinity;
  const until = sorted.map(({ capacity }) => (newest = Math.max(newest, revisionOf(capacity))));
  return (beforeMs) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle]?.knownMs ?? Infinity) < beforeMs) low = middle + 1;
      else high = middle;
    }
    return until[low - 1] ?? -Infinity;
  };
}

function isOfObject({ isKnown, isBlocked, source }: Answered): boolean {
  return isKnown && !isBlocked && source === "strict";
}

/** The most that killed isolates may take from the ledger: what they admitted from leases in the time of a lease before they died. */
export function heldBy(
  kills: readonly { readonly isolate: number; readonly atMs: number }[],
  answers: readonly Answered[],
  forMs: number,
): number {
  return answers.filter(
    (one) =>
      one.isAllowed &&
      one.source === "lease" &&
      kills.some(
        ({ isolate, atMs }) => isolate === one.isolate && one.knownMs >= atMs - forMs && one.sentMs <= atMs,
      ),
  ).length;
}
