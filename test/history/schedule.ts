/** The events of a simulated world: requests, faults, changes by operators. Plain data. */
import type { RouteName, TierName } from "./policies.ts";

/**
 * The fate of a call. `lost`: it never arrives. `unanswered`: its answer is lost. `late`: its answer comes after every deadline.
 * `hangs`: neither answer nor failure ever comes. `overloaded`: the object rejects it.
 */
export type Fate = "answered" | "lost" | "unanswered" | "late" | "hangs" | "overloaded";

export interface Travel {
  readonly upMs: number;
  readonly downMs: number;
  readonly fate: Fate;
}

export interface Ask {
  readonly kind: "ask";
  readonly isolate: number;
  readonly route: RouteName;
  /** Its cost; null: the route's. */
  readonly costMilli: number | null;
  /** The number of its key; null: without one. From 2 on: the key of two less, or the newest that replaces it. */
  readonly key: number | null;
  /** Concurrent requests; `asBatch`: as one batch. */
  readonly count: number;
  readonly asBatch: boolean;
  readonly peek: boolean;
  readonly idempotencyKey: string | null;
  /** On a route with slots: how long each admitted request lasts; null: its slot is never released. */
  readonly holdsMs: number | null;
  /** When the client leaves, unless it has its answer. */
  readonly leavesAfterMs: number | null;
  /** When all of it is repeated once. */
  readonly againAfterMs: number | null;
  /** How long the isolate computes before it decides. Its clock stands still meanwhile. */
  readonly computesMs: number;
}

export type OperatorChange =
  | { readonly kind: "tier"; readonly tier: TierName }
  | { readonly kind: "status"; readonly status: "active" | "blocked" }
  | { readonly kind: "numbers"; readonly burst: number | null }
  | {
      readonly kind: "grant";
      readonly limit: "minute" | "hour";
      readonly amount: number;
      readonly lastsMs: number;
      /** Known when the change is sent. */
      readonly untilMs: number | null;
      /** How long after its acknowledgement it is revoked; null: never. */
      readonly revokedAfterMs: number | null;
    }
  /** `grant`: the number of the change that made it. */
  | { readonly kind: "revoke"; readonly grant: number }
  | { readonly kind: "reset"; readonly limits: readonly string[] | null }
  | {
      readonly kind: "delete";
      /** Whether a block is lifted. */
      readonly lift: boolean;
      /** The account that the user gets then; null: none. */
      readonly again: { readonly tier: TierName; readonly afterMs: number } | null;
    }
  | { readonly kind: "create"; readonly tier: TierName }
  | {
      readonly kind: "rotate";
      /** The newest key in place of this one is replaced. */
      readonly key: number;
      readonly graceMs: number;
      /** Known when the change is sent. */
      readonly oldKeyId: string;
      readonly newKeyId: string;
    }
  | {
      readonly kind: "key";
      readonly key: number;
      readonly valid: boolean;
      /** How long a valid key may be used; null: until it is revoked. */
      readonly lastsMs: number | null;
      /** When it expires. Known when the change is sent. */
      readonly untilMs: number | null;
    };

export type WorldEvent =
  | Ask
  /** The same requests again and again. */
  | { readonly kind: "stream"; readonly ask: Ask; readonly times: number; readonly everyMs: number }
  | { readonly kind: "change"; readonly isolate: number; readonly change: OperatorChange }
  | { readonly kind: "policy"; readonly isolate: number; readonly variant: number; readonly lagMs: number }
  | { readonly kind: "object-dies"; readonly skewMs: number }
  | { readonly kind: "object-is-replaced"; readonly forMs: number; readonly followers: number }
  | { readonly kind: "isolate-dies"; readonly isolate: number }
  | { readonly kind: "isolate-clock-steps"; readonly isolate: number; readonly byMs: number }
  /** No call of an isolate arrives for a while. */
  | { readonly kind: "isolate-is-cut-off"; readonly isolate: number; readonly forMs: number }
  | { readonly kind: "write-fails" };

/** An event, this long after the previous one. */
export interface Step {
  readonly afterMs: number;
  readonly what: WorldEvent;
}

export interface Schedule {
  /** The policy at the start; default: the first. */
  readonly variant?: number;
  readonly tier: TierName;
  /** The error of each isolate's clock. */
  readonly skewsMs: readonly number[];
  /** How much too slow the clocks of isolates run, in turn, in parts per million. */
  readonly slowPpm: readonly number[];
  /** The start, from the beginning of the hour. */
  readonly startMs: number;
  /** How long writes take. */
  readonly flushMs: number;
  /** Delays and fates of calls, in turn, repeated. */
  readonly travels: readonly Travel[];
  readonly steps: readonly Step[];
}
