/** The parts of a compiled policy (compile.ts): limits, tiers and routes as decisions use them. */
import type { Limit } from "../core/limit.ts";
import type { UnitCosts } from "../core/unit-costs.ts";
import type { BillingDocument, OverageDocument, PlanDocument } from "./billing-schema.ts";
import type { Pool } from "./pool.ts";
import type { LimitDocument } from "./schema.ts";
import type { RouteTransform } from "./transform-schema.ts";

/** Which requests share a counter of the limit: those of one user, of one key, or of one user on one route. */
export type LimitScope = "user" | "key" | "route";

export interface ScopedLimit {
  readonly limit: Limit;
  /** Its source, to which an account's overrides and grants are applied. */
  readonly document: LimitDocument;
  readonly scope: LimitScope;
  /** For requests of test keys, if they have a counter of their own: usage that is billed leaves theirs out, and counts apart. */
  readonly testLimit?: Limit;
  /** Whether it only reports what it would reject. */
  readonly isShadow: boolean;
}

/** What bills of a tier's accounts are made from, as the document has it. */
export interface TierBilling {
  readonly billing: BillingDocument;
  readonly plan: PlanDocument;
  /** Of the tier's overage quota; null: it has none. */
  readonly overage: { readonly limit: string; readonly fields: OverageDocument } | null;
}

export interface Tier {
  readonly name: string;
  readonly limits: readonly ScopedLimit[];
  readonly mode: "auto" | "strict";
  readonly durability: "reserved" | "exact";
  readonly onLimiterFailure: "local" | "open" | "closed";
  /** null: the policy has no billing. */
  readonly billing: TierBilling | null;
  /** Set if its limits only count (unlimited.ts). Clients see none of them. */
  readonly isUnlimited?: true;
}

export interface Route {
  /** The route's name in the ledger, metrics and logs: its methods, if it names any, and its match. */
  readonly id: string;
  readonly match: string;
  readonly methods: readonly string[] | null;
  /** Of requests. */
  readonly costMilli: number;
  /** What its requests cost in other units; null: nothing. */
  readonly units: UnitCosts | null;
  readonly limits: readonly ScopedLimit[];
  /** Whether nothing counts its requests: they cost nothing, and neither a limit of the route nor a tier's price is for them. */
  readonly isExempt: boolean;
  readonly requiresCredential: boolean;
  /** Whether no credential is read: the caller is its address. */
  readonly ignoresCredential: boolean;
  /** The rules that name the route; null: none does. */
  readonly rules: RouteRules | null;
  /** Whether the route matches no other spelling of its paths (path-spellings.ts). */
  readonly exactPath: boolean;
  readonly upstream: string | null;
  /** The pool that `upstream` names; null: it names none. */
  readonly pool: Pool | null;
  readonly timeoutMs: number;
  readonly forwardKey: boolean;
  /** Whether the upstream gets headers that override method or path, such as X-HTTP-Method-Override. */
  readonly forwardOverrides: boolean;
  /** The headers of its responses that announce its end; null: it has none. */
  readonly notices: RouteNotices | null;
  /** What its requests cost if that is known only from their responses; null: `costMilli` and `units`. */
  readonly usage: RouteUsage | null;
  /** What the edge stores of its responses; null: nothing. */
  readonly cache: RouteCache | null;
  /** How its requests and responses are changed; null: not at all. */
  readonly transform: RouteTransform | null;
}

export interface RouteCache {
  /** For how long a response is fresh at most. */
  readonly ttlMs: number;
  /** For how long one is fresh that does not say it itself; 0: it is not stored. */
  readonly defaultTtlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Who gets the same response. */
  readonly share: "all" | "tier" | "user";
  /** Request headers that the upstream gets, in lower case. */
  readonly headers: readonly string[];
  /** Query parameters that the upstream gets; null: all. */
  readonly query: readonly string[] | null;
  readonly statuses: readonly number[];
  /** Changes with every edit of the route: what was stored under another edition is never found again. */
  readonly edition: string;
}

export interface RouteUsage {
  readonly unit: string;
  /** Thousandths, charged before a request is forwarded. */
  readonly reserveMilli: number;
  /** Where the response reports its cost. */
  readonly from: "openai" | "anthropic" | "header";
  readonly onError: "refund" | "keep";
  readonly onUnknown: "keep" | "refund";
  /** The member of the request's JSON body that says how much to reserve, if that is less; null: none does. */
  readonly reserveFrom: string | null;
}

/** The rules that name a route, by the index and action of each. Rules in shadow are left out. */
export type RouteRules = ReadonlyMap<number, "allow" | "deny" | "tier">;

export interface RouteNotices {
  /** The value of `Deprecation`: a date of RFC 9651. */
  readonly deprecation: string | null;
  /** The value of `Sunset`: a date of RFC 9110. */
  readonly sunset: string | null;
}
