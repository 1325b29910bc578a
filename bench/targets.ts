/** The targets P1 to P12 and their comparisons. Pure: maps measurements to the lines of the table. */
import type { ContenderName } from "./contenders.ts";
import { type Spread, ratiosOf } from "./ratios.ts";
import type { Rounds } from "./rounds.ts";

export interface Comparison {
  readonly target: string;
  readonly what: string;
  readonly comparedWith: string;
  readonly ours: ContenderName;
  readonly theirs: ContenderName;
  /** Minimum ratio of the throughputs. */
  readonly atLeast: number;
}

export const COMPARISONS: readonly Comparison[] = [
  {
    target: "P1",
    what: "hot user with two limits, without an upstream",
    comparedWith: "Hono without a limiter",
    ours: "auto",
    theirs: "bare",
    atLeast: 0.8,
  },
  {
    target: "P1",
    what: "hot user with two limits, without an upstream",
    comparedWith: "Hono that sends the same headers",
    ours: "auto",
    theirs: "same-headers",
    atLeast: 0.88,
  },
  {
    target: "P1",
    what: "hot user without limits",
    comparedWith: "Hono without a limiter",
    ours: "unlimited",
    theirs: "bare",
    atLeast: 0.87,
  },
  {
    target: "P1",
    what: "hot user, forwarded upstream",
    comparedWith: "Hono that forwards",
    ours: "auto-forward",
    theirs: "bare-forward",
    atLeast: 0.65,
  },
  {
    target: "P2",
    what: "64 clients of one user",
    comparedWith: "an empty object call per request",
    ours: "auto",
    theirs: "empty-64",
    atLeast: 1.3,
  },
  {
    target: "P2",
    what: "1 client",
    comparedWith: "an empty object call per request",
    ours: "auto-1",
    theirs: "empty-1",
    atLeast: 1.1,
  },
  {
    target: "P2",
    what: "many users",
    comparedWith: "an empty object call per request",
    ours: "auto-many",
    theirs: "empty-many",
    atLeast: 0.75,
  },
  {
    target: "P3",
    what: "denied, logged as by default",
    comparedWith: "Hono without a limiter",
    ours: "denied",
    theirs: "bare",
    atLeast: 0.8,
  },
  {
    target: "P4",
    what: "hot user",
    comparedWith: "hono-rate-limiter with its Durable Object store",
    ours: "auto",
    theirs: "hono-rate-limiter",
    atLeast: 3.5,
  },
  {
    target: "P4",
    what: "strict, 64 clients",
    comparedWith: "hono-rate-limiter with its Durable Object store",
    ours: "strict-64",
    theirs: "hono-rate-limiter",
    atLeast: 3.5,
  },
];

export interface ComparisonResult extends Comparison {
  readonly throughput: Spread;
  /** Ratio of their CPU time per request to ours: above 1 if ours takes less. */
  readonly cpu: Spread;
  /** The same of the round of each side that took least: what else runs on a machine only adds. */
  readonly leastCpu: number;
}

export function compare(rounds: Rounds): ComparisonResult[] {
  return COMPARISONS.flatMap((comparison) => {
    const [ours, theirs] = [rounds.get(comparison.ours), rounds.get(comparison.theirs)];
    if (!ours || !theirs) return [];
    return [
      {
        ...comparison,
        throughput: ratiosOf(
          ours.map((run) => run.perSecond),
          theirs.map((run) => run.perSecond),
        ),
        cpu: ratiosOf(
          theirs.map((run) => run.cpuUs),
          ours.map((run) => run.cpuUs),
        ),
        leastCpu: Math.min(...theirs.map((run) => run.cpuUs)) / Math.min(...ours.map((run) => run.cpuUs)),
      },
    ];
  });
}

/** P10: a limiter's throughput as a share of its runtime's throughput without a limiter. */
export interface Share {
  readonly title: string;
  readonly ofBare: Spread;
  readonly atLeast: number | null;
}

const SHARES: readonly {
  readonly title: string;
  readonly limited: ContenderName;
  readonly bare: ContenderName;
  readonly atLeast: number | null;
}[] = [
  { title: "**hot user**, workerd", limited: "auto", bare: "bare", atLeast: 0.8 },
  { title: "**strict**, workerd", limited: "strict-64", bare: "bare", atLeast: null },
  { title: "hono-rate-limiter, workerd", limited: "hono-rate-limiter", bare: "bare", atLeast: null },
  { title: "a row written per check, workerd", limited: "write", bare: "bare", atLeast: null },
  {
    title: "`ratelimits` binding, simulated, workerd",
    limited: "ratelimit-binding",
    bare: "bare",
    atLeast: null,
  },
  { title: "rate-limiter-flexible with Redis, Node", limited: "node-redis", bare: "node", atLeast: null },
];

export function shares(rounds: Rounds): Share[] {
  return SHARES.flatMap(({ title, limited, bare, atLeast }) => {
    const [ours, theirs] = [rounds.get(limited), rounds.get(bare)];
    if (!ours || !theirs) return [];
    const ofBare = ratiosOf(
      ours.map((run) => run.perSecond),
      theirs.map((run) => run.perSecond),
    );
    return [{ title, ofBare, atLeast }];
  });
}

/** P5: rows per million decisions of a busy user. */
export const MAX_ROWS = 5_000;
/** P6: dollars per million decisions, by requests a second of one user; null: of a population. */
export const MAX_DOLLARS: ReadonlyMap<number | null, number> = new Map([
  [1, 0.7],
  [2, 0.6],
  [5, 0.5],
  [10, 0.45],
  [100, 0.34],
  [null, 0.7],
]);
/** P7: size of the bundle, and CPU time of its start. */
export const MAX_GZIP_KB = 110;
export const MAX_START_MS = 40;
/** P9: how much the throughput relative to an empty object call may differ between numbers of users. */
export const MAX_DEVIATION = 0.25;
/** P11: share of requests that may wait for a call, by requests a second of one user below the limit. */
export const MAX_WAITED: ReadonlyMap<number, number> = new Map([
  [10, 0.1],
  [100, 0.02],
]);
/** P12: calls a second to the object of one user with 100,000 requests a second, with up to this many isolates, at any load. */
export const MAX_HOT_USER_CALLS = { most: 1_000, upTo: 100 } as const;
