/** What accounts use of the policies: tiers, and limits for which they have their own numbers or a grant. From the account directory. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { directoryOf } from "../../objects/account-directory.ts";
import { ask } from "../ask.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { spendWork } from "../work-limit.ts";
import { inUse, type InUse } from "./orphans.ts";

/** Rows of the answer. The default policy has five tiers; each limit adds a row or two if accounts have overrides and grants. */
const MAX_USES = 200;
/** Counting reads a row for each account and use: at 100,000 accounts as much work as a validation of 160 KiB. */
const WORK_TOKENS = 10;

export const POLICY_USES = {
  listPolicyUses: {
    method: "GET",
    path: `${ADMIN}/policy/uses`,
    access: "viewer",
    handler: listPolicyUses,
  },
} as const satisfies Endpoints;

async function listPolicyUses(c: Context<AppEnv>): Promise<Response> {
  const rejection = await spendWork(c, "policy", WORK_TOKENS);
  if (rejection) return rejection;
  const directory = directoryOf(c.env.ACCOUNT_DIRECTORY);
  const read = async () => {
    const { uses, isComplete } = await directory.uses();
    const users = uses.length > 0 ? await directory.usersOf(uses, Date.now(), MAX_USES) : [];
    return { uses: merged(users.map(inUse)), isComplete: isComplete && users.length < MAX_USES };
  };
  return ask(c, "account directory", read(), ({ uses, isComplete }) =>
    c.json({ uses, complete: isComplete }),
  );
}

/** One row for all overrides of a limit, whichever of its numbers they replace: an account has at most one of them. */
function merged(uses: readonly InUse[]): InUse[] {
  const rows = new Map<string, InUse>();
  for (const use of uses) {
    const key = JSON.stringify([use.kind, use.tier, use.limit]);
    const known = rows.get(key);
    rows.set(key, known ? { ...known, accounts: known.accounts + use.accounts } : use);
  }
  return [...rows.values()];
}
