/** The parts of a compiled policy (compile.ts): limits, tiers and routes as decisions use them. */
import type { Limit } from "../core/limit.ts";
import type { LimitDocument } from "./schema.ts";

/** Whose requests share the limit's counter: one user's, one key's, or one user's on one route. */
export type Scope = "user" | "key" | "route";

export interface ScopedLimit {
  readonly limit: Limit;
  /** What it was compiled from, for accounts with numbers of their own. */
  readonly document: LimitDocument;
  readonly scope: Scope;
}

export interface Tier {
  readonly name: string;
  readonly limits: readonly ScopedLimit[];
  readonly mode: "strict" | "leased";
  readonly durability: "reserved" | "exact";
  readonly onLimiterFailure: "local" | "open" | "closed";
}

export interface Route {
  /** What the route is called in the ledger, metrics and logs: its match, with its methods where it names any. */
  readonly id: string;
  readonly match: string;
  readonly methods: readonly string[] | null;
  readonly costMilli: number;
  readonly limits: readonly ScopedLimit[];
  readonly requiresCredential: boolean;
  readonly upstream: string | null;
  readonly timeoutMs: number;
  readonly forwardKey: boolean;
}
