/**
 * What a descriptor of Envoy asks: an operation of the decision API, or nothing that the policy knows. Pure.
 *
 * The keys of a descriptor come from Envoy's configuration, so an unknown one is passed: it is no fault of a client, and Envoy's own service
 * does the same. Values may come from clients, so none of them passes a request that the policy could limit.
 */
import { isUserId } from "../../identity/user-id.ts";
import type { Policy } from "../../policy/compile.ts";
import { MAX_COST } from "../../policy/scalars.ts";
import type { Descriptor } from "./rate-limit-request.ts";

const KEYS = ["user", "route", "tier"] as const;
type Key = (typeof KEYS)[number];

export type Asked =
  | { readonly kind: "operation"; readonly operation: DescriptorOperation; readonly isPartlyUnknown: boolean }
  /** It has an unknown key, a key twice, or no user; or it is a refund. */
  | { readonly kind: "unknown" }
  /** Its user is no user's id, or it costs more than any operation may. */
  | { readonly kind: "invalid" };

/** As the decision API takes it. */
export interface DescriptorOperation {
  readonly user: string;
  readonly route?: string;
  readonly tier?: string;
  readonly cost?: number;
}

/** @param hits what it costs unless it says so itself; null: what its route costs, or 1. */
export function operationOf(
  { entries, hits: own, isRefund }: Descriptor,
  hits: number | null,
  policy: Policy,
): Asked {
  const values = new Map<Key, string>();
  for (const { key, value } of entries) {
    const known = KEYS.find((name) => name === key);
    if (known === undefined || values.has(known)) return { kind: "unknown" };
    values.set(known, value);
  }
  const user = values.get("user");
  if (user === undefined || isRefund) return { kind: "unknown" };
  const cost = own ?? hits;
  if (!isUserId(user) || (cost !== null && cost > MAX_COST)) return { kind: "invalid" };
  const [route, tier] = [values.get("route"), values.get("tier")];
  const isRoute = route !== undefined && policy.routes.byName(route) !== null;
  const isTier = tier !== undefined && policy.tiers.has(tier);
  return {
    kind: "operation",
    operation: {
      user,
      ...(isRoute ? { route } : {}),
      ...(isTier ? { tier } : {}),
      ...(cost === null ? {} : { cost }),
    },
    isPartlyUnknown: (route !== undefined && !isRoute) || (tier !== undefined && !isTier),
  };
}
