/** How a new policy affects accounts. Advice only: a failing directory never blocks a change. */
import type { Context } from "hono";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { parseJson } from "../../json.ts";
import { directoryOf } from "../../objects/account-directory.ts";
import { registryOf } from "../../objects/policy-registry.ts";
import { messageOf } from "../../log.ts";
import { compilePolicy, type Policy } from "../../policy/compile.ts";
import { type Fault, MAX_FAULTS } from "../../policy/fault.ts";
import { type OrphanFault, orphanFault, orphansOf, removedTiers } from "./orphans.ts";

/** Shorter than the deadline of the whole request. */
const DEADLINE_MS = 3_000;

export interface Impact {
  /** What accounts use and the new policy lacks. Such a policy must be forced. */
  readonly orphans: readonly OrphanFault[];
  /** Removed tiers, and what could not be checked. */
  readonly notes: readonly Fault[];
}

/** Never rejects. May miss accounts that change meanwhile or have not reached the directory yet. */
export async function impactOf(c: Context<AppEnv>, next: Policy): Promise<Impact> {
  try {
    return await withDeadline(compareInUse(c, next), DEADLINE_MS, "account directory");
  } catch (thrown) {
    const { services, requestId } = c.var;
    services.log("error", "policy_impact_unknown", { requestId, error: messageOf(thrown) });
    const message =
      "could not be checked against the accounts, because the account directory or the policy registry is not responding: it may lack tiers and limits that are in use";
    return { orphans: [], notes: [{ path: "", message }] };
  }
}

async function compareInUse(c: Context<AppEnv>, next: Policy): Promise<Impact> {
  const directory = directoryOf(c.env.ACCOUNT_DIRECTORY);
  const [current, { uses, isComplete }] = await Promise.all([policyInForce(c), directory.uses()]);
  const orphans = orphansOf(uses, next, current);
  const users = orphans.length > 0 ? await directory.usersOf(orphans, Date.now(), MAX_FAULTS) : [];
  const message =
    "the account directory does not know the overrides and grants of every account: run npm run directory:rebuild";
  return {
    orphans: users.map((found) => orphanFault(next, found)),
    notes: [
      ...(current ? removedTiers(next, current).slice(0, MAX_FAULTS) : []),
      ...(isComplete ? [] : [{ path: "", message }]),
    ],
  };
}

/** The registry's newest policy: this isolate may lag behind. Null if it does not compile. */
async function policyInForce(c: Context<AppEnv>): Promise<Policy | null> {
  const newest = await registryOf(c.env.POLICY_REGISTRY).newest();
  if (!newest || newest.revision === c.var.policy.revision) return c.var.policy;
  const compiled = compilePolicy(parseJson(newest.document), newest.revision);
  return compiled.ok ? compiled.value : null;
}
