/** A recorded decision as a simulation replays it: what was asked, and whether it was refused. Plain data. */
import { STANDING_REASONS } from "../analytics/outcome.ts";

/** One stored point: one request, or a run of like ones of about the same moment. */
export interface Recorded {
  /** Unix ms. */
  readonly atMs: number;
  /** `user:<id>` or `ip:<address>`. */
  readonly account: string;
  /** The route's id when it was decided; "" where the caller named a cost only. */
  readonly route: string;
  readonly tier: string;
  /** "" without a key. */
  readonly keyId: string;
  readonly method: string;
  /** Of the policy that it was decided by. */
  readonly revision: number;
  /** Of one request. */
  readonly costMilli: number;
  /** How long the upstream took: so long a request holds its slot. */
  readonly upstreamMs: number;
  /** Requests that it stands for, sampled ones too. Whole, at least 1. */
  readonly requests: number;
  readonly wasDenied: boolean;
}

/** Whether a policy had a say: not where the caller was not known, blocked, or his key revoked. */
export function isReplayed(reason: string, source: string): boolean {
  if (source === "none") return reason === "exempt";
  return STANDING_REASONS.every((standing) => standing !== reason);
}
