/** A recorded decision as a simulation replays it: the request, and whether it was denied. Plain data. */
import type { UnitCosts } from "../core/unit-costs.ts";
import { isDecided, STANDING_REASONS } from "../analytics/outcome.ts";

/** One stored point: one request, or merged requests of about the same moment. */
export interface Recorded {
  /** Unix ms. */
  readonly atMs: number;
  /** `user:<id>` or `ip:<address>`. */
  readonly account: string;
  /** The route's id at that time; "" if the caller named only a cost. */
  readonly route: string;
  readonly tier: string;
  /** "" without a key. */
  readonly keyId: string;
  readonly method: string;
  /** Revision of the policy that decided it. */
  readonly revision: number;
  /** Of one request. */
  readonly costMilli: number;
  /** Of one request, in other units; null: nothing. */
  readonly units: UnitCosts | null;
  /** How long the upstream took, and so how long the request held its slot. */
  readonly upstreamMs: number;
  /** Requests that it stands for, including sampled ones. An integer, at least 1. */
  readonly requests: number;
  readonly wasDenied: boolean;
}

/** Whether the policy mattered: not if the caller was unknown or blocked, or their key revoked. */
export function isReplayed(reason: string, source: string): boolean {
  if (!isDecided(source)) return reason === "exempt";
  return STANDING_REASONS.every((standing) => standing !== reason);
}
