/** Accounts: created, read, changed and deleted by the user's own object, which holds the truth. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { isUserId, userIdSchema } from "../../identity/user-id.ts";
import type {
  AccountAnswer,
  AccountChange,
  DeletedAnswer,
  ErasedAnswer,
  Inherited,
  NewAccountAnswer,
} from "../../objects/account.ts";
import type { TierRejection } from "../../objects/billing.ts";
import type { CallDiffers, Change } from "../../objects/change.ts";
import { HOMES } from "../../objects/home.ts";
import type { UserLimiterStub } from "../../objects/user-limiter.ts";
import type { UserStatus } from "../../objects/user-status.ts";
import { effectsOn, overrideFaults, type Overrides } from "../../policy/adjust.ts";
import { tierOf } from "../../policy/compile.ts";
import { ask, changeBy } from "../ask.ts";
import { invalidContent, readBody } from "../body.ts";
import { ACCOUNT, ADMIN, type Endpoints } from "../endpoint.ts";
import { displayName, reason, tierName } from "../fields.ts";
import { unknownName } from "../known-names.ts";
import { readQuery } from "../query.ts";
import { iso } from "../rfc3339.ts";
import { forAccount, noAccount, revisionFor, stubOf } from "./account-object.ts";
import { accountView } from "./account-view.ts";
import { isTierRejection, tierProblem } from "./billing-problems.ts";
import { overridesSchema } from "./overrides.ts";

/** The new account already exists, so its response must not wait long for the state of its limits. */
const STATUS_DEADLINE_MS = 2_000;

const newAccountSchema = z.strictObject({
  id: userIdSchema,
  name: z.optional(displayName),
  tier: z.optional(tierName),
  /** Where the user's object is created. Not stored: it has no effect once the object exists. */
  home: z.optional(z.enum(HOMES)),
  reason,
});

const accountChangeSchema = z
  .strictObject({
    name: z.optional(displayName),
    tier: z.optional(tierName),
    status: z.optional(z.enum(["active", "blocked"])),
    /** Replaces all overrides; null removes them. */
    limits: z.optional(z.nullable(overridesSchema)),
    reason,
  })
  .check(
    z.refine(
      ({ name, tier, status, limits }) => [name, tier, status, limits].some((field) => field !== undefined),
      "must change the name, the tier, the status or the limits",
    ),
  );

const deletionQuery = z.strictObject({
  unblock: z.optional(z.enum(["true"])),
  /** Erase the user's personal data, too. */
  erase: z.optional(z.enum(["true"])),
  reason,
});

export const ACCOUNTS = {
  createAccount: {
    method: "POST",
    path: `${ADMIN}/accounts`,
    access: "operator",
    body: newAccountSchema,
    handler: createAccount,
  },
  getAccount: { method: "GET", path: ACCOUNT, access: "viewer", handler: getAccount },
  changeAccount: {
    method: "PATCH",
    path: ACCOUNT,
    access: "operator",
    body: accountChangeSchema,
    idempotent: true,
    handler: changeAccount,
  },
  deleteAccount: {
    method: "DELETE",
    path: ACCOUNT,
    access: "admin",
    query: deletionQuery,
    idempotent: true,
    handler: deleteAccount,
  },
} as const satisfies Endpoints;

async function createAccount(c: Context<AppEnv>): Promise<Response> {
  const { policy, requestId } = c.var;
  const body = await readBody(c, newAccountSchema);
  if (!body.ok) return body.response;
  const { id, name = "", tier = policy.defaultTier, home } = body.value;
  if (!policy.tiers.has(tier)) return unknownTier(c, tier);
  const stub = stubOf(c, id, home);
  const by = await changeBy(c, body.value);
  const call = stub.createAccount(id, { name, tier }, by, revisionFor(policy));
  return ask<NewAccountAnswer>(c, "account", call, async (answer) => {
    c.var.services.limiter.forget(userSubject(id), Date.now());
    if (answer.kind === "exists") {
      return problem("conflict", `The account "${id}" already exists.`, requestId);
    }
    const { account, grants, inherited } = answer;
    c.var.services.limiter.heard.noteAccount(userSubject(id), account, Date.now());
    const view = accountView(account, grants, policy);
    return c.json({ ...view, inherited: inherited && (await stillInherited(c, stub, inherited)) }, 201);
  });
}

/** What is inherited, without limits that have become full since; null if nothing is left. */
async function stillInherited(
  c: Context<AppEnv>,
  stub: UserLimiterStub,
  inherited: Inherited,
): Promise<Inherited | null> {
  const { revision, defaultTier } = c.var.policy;
  const names = new Set(inherited.limits);
  try {
    const call: Promise<UserStatus> = stub.status({ revision, tier: defaultTier, keyId: null });
    const status = await withDeadline(call, STATUS_DEADLINE_MS, "limiter");
    for (const { name, limit, remaining } of status.kind === "status" ? status.limits : []) {
      if (remaining < limit) names.add(name);
      else names.delete(name);
    }
  } catch {
    // The account exists anyway: name limits that may be full, too.
  }
  const { blocked, usage, audit } = inherited;
  return blocked || usage || audit || names.size > 0 ? { ...inherited, limits: [...names].toSorted() } : null;
}

async function getAccount(c: Context<AppEnv>): Promise<Response> {
  return forAccount(c, (stub) => stub.account());
}

async function changeAccount(c: Context<AppEnv>): Promise<Response> {
  const { policy, requestId } = c.var;
  const body = await readBody(c, accountChangeSchema);
  if (!body.ok) return body.response;
  const { name, tier, status, limits } = body.value;
  const by = await changeBy(c, body.value);
  const isKnown = tier === undefined || policy.tiers.has(tier);
  const overrides: Overrides | undefined = limits === null ? {} : limits;
  const change: AccountChange = {
    ...(name === undefined ? {} : { name }),
    ...(tier === undefined ? {} : { tier }),
    ...(status === undefined ? {} : { status }),
    ...(overrides === undefined ? {} : { overrides }),
  };
  return forAccount(
    c,
    async (stub) => {
      if (!isKnown || overrides !== undefined) {
        const current: AccountAnswer = await stub.account();
        if (current.kind !== "account") return isKnown ? current : unknownTier(c, tier);
        // An account may name its own tier again even if the policy no longer has it.
        if (!isKnown && tier !== current.account.tier) return unknownTier(c, tier);
        const faults = overrideFaults(tierOf(policy, tier ?? current.account.tier), overrides ?? {});
        if (faults.length > 0) return invalidContent(requestId, faults).response;
      }
      const answer: AccountAnswer | TierRejection | CallDiffers = await stub.changeAccount(
        change,
        by,
        revisionFor(policy),
      );
      return isTierRejection(answer) ? tierProblem(c, answer) : answer;
    },
    ({ account, grants, pendingTier = null }) => {
      c.var.services.limiter.heard.noteAccount(userSubject(account.user), account, Date.now());
      const { kept } = effectsOn(tierOf(policy, account.tier), account.overrides, grants);
      const view = accountView(account, grants, policy);
      const overridesKept = tier !== undefined && overrides === undefined ? kept.limits : [];
      const grantsKept = tier === undefined ? [] : kept.grants;
      return c.json({ ...view, overridesKept, grantsKept, pendingTier });
    },
  );
}

async function deleteAccount(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, deletionQuery);
  if (!query.ok) return query.response;
  const isLifted = query.value.unblock === "true";
  const by = await changeBy(c, query.value);
  if (query.value.erase === "true") return eraseAccount(c, id, by, isLifted);
  const call = stubOf(c, id).deleteAccount(by, isLifted, revisionFor(c.var.policy));
  return ask<DeletedAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "absent") return noAccount(c);
    c.var.services.limiter.heard.noteDeleted(userSubject(id), answer.keyIds ?? [], isLifted, Date.now());
    return c.body(null, 204);
  });
}

/** As a deletion. Answered although something is pending: the object erases that by itself. */
async function eraseAccount(
  c: Context<AppEnv>,
  id: string,
  by: Change,
  isLifted: boolean,
): Promise<Response> {
  return ask<ErasedAnswer>(c, "account", stubOf(c, id).eraseAccount(by, isLifted), (answer) => {
    if (answer.kind === "absent") return noAccount(c);
    const { atMs, keyIds, pending } = answer;
    c.var.services.limiter.heard.noteDeleted(userSubject(id), keyIds, isLifted, Date.now());
    return c.json({ id, erasedAt: iso(atMs), pending });
  });
}

function unknownTier(c: Context<AppEnv>, tier: string): Response {
  const fault = unknownName("/tier", "tier", tier, c.var.policy.tiers.keys());
  return invalidContent(c.var.requestId, [fault]).response;
}
