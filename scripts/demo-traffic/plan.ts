/**
 * The plan of the demo traffic: which users send which requests, how often, and when the policy changes. Pure: maps a second
 * of the run and a source of randomness to the requests of that second.
 */

export interface DemoUser {
  readonly id: string;
  readonly tier: "free" | "pro" | "enterprise";
}

/** 70 % free, 25 % pro, 5 % enterprise. Requests have the same shares. */
export const USERS: readonly DemoUser[] = [
  ...users("free", 14, "fern"),
  ...users("pro", 5, "pine"),
  ...users("enterprise", 1, "sequoia"),
];
/** A free user who keeps sending after denials. */
export const ABUSER: DemoUser = { id: "demo-greedy", tier: "free" };

/** Average requests a second of all users, without the abuser and the bursts. */
export const PER_SECOND = 24;
const ABUSER_PER_SECOND = 8;
const BURST_REQUESTS = 120;
const BURST_EVERY_S = 45;
/** Early, so that a viewer need not wait for the first burst. */
const FIRST_BURST_S = 15;

const ROUTES = [
  { path: "/identify", share: 0.8 },
  { path: "/compare?a=Mozilla&b=curl", share: 0.15 },
  { path: "/api/refresh", share: 0.05 },
] as const;

export interface PlannedRequest {
  readonly user: string;
  readonly path: string;
  /** Offset within the second. */
  readonly afterMs: number;
}

/** The requests of one second of the run, in order. @param chance returns numbers from 0 to below 1. */
export function requestsOf(second: number, chance: () => number): PlannedRequest[] {
  // The rate swings slowly, so that charts have a shape.
  const count = Math.round(PER_SECOND * (1 + 0.3 * Math.sin(second / 12)));
  const requests = Array.from({ length: count }, () => request(one(USERS, chance()).id, chance));
  for (let i = 0; i < ABUSER_PER_SECOND; i++) requests.push(request(ABUSER.id, chance));
  if (second >= FIRST_BURST_S && (second - FIRST_BURST_S) % BURST_EVERY_S === 0) {
    const { id } = one(USERS, chance());
    for (let i = 0; i < BURST_REQUESTS; i++) requests.push({ user: id, path: "/identify", afterMs: i * 7 });
  }
  return requests.toSorted((a, b) => a.afterMs - b.afterMs);
}

export type PolicyStep = "halve" | "restore";

/** The change of the policy in a second of a run of `seconds`, or null. */
export function policyStepOf(second: number, seconds: number): PolicyStep | null {
  if (second === Math.floor(seconds / 3)) return "halve";
  return second === Math.floor((2 * seconds) / 3) ? "restore" : null;
}

function users(tier: DemoUser["tier"], count: number, name: string): DemoUser[] {
  return Array.from({ length: count }, (_, i) => ({ id: `demo-${name}-${i + 1}`, tier }));
}

function request(user: string, chance: () => number): PlannedRequest {
  const afterMs = Math.floor(chance() * 1_000);
  let rest = chance();
  for (const { path, share } of ROUTES) {
    rest -= share;
    if (rest < 0) return { user, path, afterMs };
  }
  return { user, path: ROUTES[0].path, afterMs };
}

function one<T>(list: readonly T[], at: number): T {
  const found = list[Math.floor(at * list.length)];
  if (found === undefined) throw new RangeError("chance is from 0 to below 1");
  return found;
}
