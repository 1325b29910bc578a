/** What is asked and answered: the decision API's bodies as TypeScript types. Types only: nothing of this file runs. */

/** Tokens, in steps of 0.001; or an amount for each unit that limits count in, such as `{ requests: 1, tokens: 4000 }`. */
export type Cost = number | Readonly<Record<string, number>>;

/** May this user do this? Without a route and a cost, it costs 1 and is decided by the limits of the user's tier. */
export interface Operation {
  /** 1 to 200 printable ASCII characters without spaces. */
  readonly user: string;
  /** The `match` of one of the policy's routes: its cost and its own limits apply. */
  readonly route?: string | undefined;
  /** Takes precedence over the route's cost. */
  readonly cost?: Cost | undefined;
  /** Of a user without an account. An account's own tier takes precedence. */
  readonly tier?: string | undefined;
  /** Within ten minutes, the same key gets the same allowed decision and is charged once. Default: a random one for each call. */
  readonly idempotencyKey?: string | undefined;
  /** Decide without charging. */
  readonly peek?: boolean | undefined;
  /** Reserve the cost, which is settled later. */
  readonly reserve?: { readonly ttlMs: number } | undefined;
}

/** An operation whose final cost is known later. */
export interface ReserveOperation extends Omit<Operation, "peek" | "reserve"> {
  /** What is reserved: more than 0. */
  readonly cost: Cost;
  /** How long the reservation may stay open, at most an hour. If it expires before it is settled, it stays charged. */
  readonly ttlMs: number;
}

/** Settles a reservation at its final cost (0: all of it is refunded), or keeps it open for longer. */
export type Settlement = {
  readonly user: string;
  /** The id of the reservation. */
  readonly reservation: string;
} & ({ readonly cost: Cost } | { readonly extendMs: number });

export interface Reservation {
  readonly id: string;
  /** RFC 3339 in UTC. */
  readonly expiresAt: string;
}

/** What a settlement has charged, or until when the reservation stays open. */
export type Settled =
  | {
      readonly reservation: string;
      readonly settled: true;
      readonly cost: number;
      readonly units?: Readonly<Record<string, number>> | undefined;
    }
  | { readonly reservation: string; readonly settled: false; readonly expiresAt: string };

/** One limit after a decision. */
export interface LimitView {
  readonly name: string;
  readonly kind: "bucket" | "quota" | "concurrency";
  /** What the limit counts. Absent: requests. */
  readonly unit?: string | undefined;
  /** Capacity of the bucket, amount of the quota, or number of slots. */
  readonly limit: number;
  /** What may be spent now, or slots that are free. */
  readonly remaining: number;
  /** Bucket: until it is full, or holds one token again if it holds less. Quota: until its period ends. */
  readonly resetMs: number;
  /** How long an empty bucket takes to fill, the length of the quota's period, or how long a slot may be held. */
  readonly windowMs: number;
  /** Of a quota whose usage is billed: what the base fee covers. */
  readonly included?: number | undefined;
  /** What was used beyond `included`. */
  readonly over?: number | undefined;
}

/**
 * - `allowed`, `denied`: by the limits.
 * - `blocked`: the account is blocked. `overdue`: an invoice of it is past due. `revoked`: its key is no longer valid.
 * - `denied_by_rule`: a rule of the policy rejects the request.
 * - `unavailable`: the limiter could not decide, and the tier or this client fails closed.
 * - `overloaded`: more requests at once than the user's object, or this client, can take.
 * - `too_many_reservations`: the user has as many open reservations as there may be.
 */
export type Outcome =
  | "allowed"
  | "denied"
  | "blocked"
  | "overdue"
  | "revoked"
  | "denied_by_rule"
  | "unavailable"
  | "overloaded"
  | "mismatch"
  | "too_many_reservations";

/** One answer. A denial is an answer, not an error. */
export interface Decision {
  readonly outcome: Outcome;
  readonly allowed: boolean;
  /** Requests that the operation costs. */
  readonly cost: number;
  /** What it costs in other units. Absent: nothing. */
  readonly units?: Readonly<Record<string, number>> | undefined;
  readonly limits: readonly LimitView[];
  /** When the same operation is allowed if nothing else spends. 0 if it is allowed, null if it never is. */
  readonly retryAfterMs: number | null;
  /** Names of the limits that denied the operation. */
  readonly violated: readonly string[];
  /** The cap that denied the operation. */
  readonly cap?: "spend_cap" | "budget" | "credits" | undefined;
  /** Limits in shadow that would have denied the operation, which passed. */
  readonly shadowed?: readonly string[] | undefined;
  /** What decided. `deny-cache`: a denial repeated by the edge or by this client. `fallback`: nobody could, so the failure policy did. */
  readonly source: "strict" | "lease" | "deny-cache" | "fallback" | "none";
  readonly tier: string;
  readonly revision: number;
  readonly decisionId: string;
  /** Repeats the decision of an earlier call with this idempotency key. */
  readonly replayed?: true | undefined;
  readonly reservation?: Reservation | undefined;
}

export interface Fault {
  /** JSON Pointer. */
  readonly path: string;
  readonly message: string;
}

/** An item of `checkMany`: a decision, or why this operation has none. */
export type CheckItem =
  | Decision
  | {
      readonly error: {
        readonly code: string;
        readonly errors?: readonly Fault[] | undefined;
        readonly detail?: string | undefined;
        readonly retryAfterMs?: number | null | undefined;
      };
    };

/** Requests and tokens of a user in one period. */
export interface Usage {
  readonly requests: number;
  readonly cost: number;
  readonly denied: number;
}

/** A user's limits and usage. */
export interface UserStatus {
  readonly tier: string;
  readonly status: "active" | "blocked";
  readonly revision: number;
  readonly limits: readonly LimitView[];
  /** Of the current hour, day and calendar month in UTC. */
  readonly usage: { readonly hour: Usage; readonly day: Usage; readonly month: Usage };
}

/** The limiter's RPC entrypoint, as another Worker's service binding has it. */
export interface EdgeLimiterBinding {
  check(operation: Operation): Promise<Decision>;
  checkMany(operations: readonly Operation[]): Promise<CheckItem[]>;
  settle(settlement: Settlement): Promise<Settled>;
  status(user: string): Promise<UserStatus>;
}
