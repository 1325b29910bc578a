/** The tier of a caller before an object has named the account's own. */
import type { Caller } from "../identity/authenticate.ts";
import { type Policy, tierOf } from "../policy/compile.ts";

/** The tier to decide by if the caller's account has none: the token's, else the policy's choice. It may not exist. */
export function tierOfCaller(caller: Caller, policy: Policy): string {
  return caller.tier ?? (caller.kind === "ip" ? policy.anonymousTier : policy.defaultTier);
}

/** The tier to report for a caller whose request was not decided: always one of the policy's. */
export function reportedTier(caller: Caller, policy: Policy): string {
  return tierOf(policy, tierOfCaller(caller, policy)).name;
}
