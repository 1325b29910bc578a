/** Accounts: each call goes to the user's own object, which holds the truth; the list comes from the directory. */
import type { Context } from "hono";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { isUserId } from "../../identity/user-id.ts";
import type {
  AccountAnswer,
  AccountChange,
  AccountView,
  DeletedAnswer,
  GrantAnswer,
  Inherited,
  NewAccountAnswer,
} from "../../objects/account.ts";
import { directoryOf } from "../../objects/account-directory.ts";
import type { UserLimiterStub } from "../../objects/user-limiter.ts";
import type { UserStatus } from "../../objects/user-status.ts";
import { adjustTier, effectsOn, type Grant, overrideFaults, type Overrides } from "../../policy/adjust.ts";
import { capacityOf, tierOf } from "../../policy/compile.ts";
import type { Fault } from "../../policy/fault.ts";
import { invalidContent, readBody } from "../body.ts";
import { BAD_CURSOR, badQuery, cursorOf, pageSize, positionOf, readQuery } from "../query.ts";
import {
  accountChangeSchema,
  accountsQuery,
  deletionQuery,
  newAccountSchema,
  newGrantSchema,
  resetSchema,
} from "../schemas.ts";
import { ask, changeBy, iso } from "../ask.ts";
import { accountView, grantView } from "./views.ts";

/** A grant that is to last longer is a tier or an override. */
const LONGEST_GRANT_MS = 366 * 86_400_000;
/** The account exists by then: the answer must not wait long for the state of its limits. */
const STATUS_DEADLINE_MS = 2_000;
/** Names of limits that one message lists. */
const MAX_NAMES = 50;

export async function createAccount(c: Context<AppEnv>): Promise<Response> {
  const { policy, requestId } = c.var;
  const body = await readBody(c, newAccountSchema);
  if (!body.ok) return body.response;
  const { id, name = "", tier = policy.defaultTier, reason } = body.value;
  if (!policy.tiers.has(tier)) return unknownTier(c);
  const stub = stubOf(c, id);
  const call = stub.createAccount(id, { name, tier }, changeBy(c, reason));
  return ask<NewAccountAnswer>(c, "account", call, async (answer) => {
    c.var.services.limiter.forget(userSubject(id), Date.now());
    if (answer.kind === "exists") {
      return problem("conflict", `The account "${id}" exists already.`, requestId);
    }
    const { account, grants, inherited } = answer;
    c.var.services.limiter.heard.noteAccount(userSubject(id), account, Date.now());
    const view = accountView(account, grants, policy);
    return c.json({ ...view, inherited: inherited && (await notFull(c, stub, inherited)) }, 201);
  });
}

/** What is inherited, without the limits that are full by now; null if that is nothing. */
async function notFull(
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
    // The account exists anyway: limits that may be full are named too.
  }
  const { blocked, usage, audit } = inherited;
  return blocked || usage || audit || names.size > 0 ? { ...inherited, limits: [...names].toSorted() } : null;
}

export async function listAccounts(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, accountsQuery);
  if (!query.ok) return query.response;
  const { tier = null, status = null, name = null, deleted, limit, cursor } = query.value;
  const after = cursor === undefined ? "" : positionOf(cursor);
  if (after === null) return badQuery(c, BAD_CURSOR).response;
  const call = directoryOf(c.env.ACCOUNT_DIRECTORY).list(
    { tier, status, text: name, deleted: deleted === "true" },
    after,
    pageSize(limit),
  );
  return ask(c, "account directory", call, ({ entries, next }) =>
    c.json({
      accounts: entries.map(({ createdMs, updatedMs, uses: _uses, deleted: _deleted, ...entry }) => ({
        ...entry,
        createdAt: iso(createdMs),
        updatedAt: iso(updatedMs),
      })),
      cursor: next === null ? null : cursorOf(next),
    }),
  );
}

export async function getAccount(c: Context<AppEnv>): Promise<Response> {
  return forAccount(c, (stub) => stub.account());
}

/** What the user's own object says now: costs nothing, writes nothing, and needs no account. */
export async function getAccountStatus(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const { revision, defaultTier } = c.var.policy;
  const call = stubOf(c, id).status({ revision, tier: defaultTier, keyId: null });
  return ask<UserStatus>(c, "limiter", call, (answer) => {
    if (answer.kind === "revoked") return noAccount(c);
    const { kind: _kind, ...view } = answer;
    return c.json({ user: id, ...view });
  });
}

export async function changeAccount(c: Context<AppEnv>): Promise<Response> {
  const { policy, requestId } = c.var;
  const body = await readBody(c, accountChangeSchema);
  if (!body.ok) return body.response;
  const { name, tier, status, limits, reason } = body.value;
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
        if (current.kind !== "account") return isKnown ? current : unknownTier(c);
        // An account keeps the tier that a policy has orphaned, if it is named again.
        if (!isKnown && tier !== current.account.tier) return unknownTier(c);
        const faults = overrideFaults(tierOf(policy, tier ?? current.account.tier), overrides ?? {});
        if (faults.length > 0) return invalidContent(requestId, faults).response;
      }
      return stub.changeAccount(change, changeBy(c, reason));
    },
    ({ account, grants }) => {
      c.var.services.limiter.heard.noteAccount(userSubject(account.user), account, Date.now());
      const { kept } = effectsOn(tierOf(policy, account.tier), account.overrides, grants);
      const view = accountView(account, grants, policy);
      const overridesKept = tier !== undefined && overrides === undefined ? kept.limits : [];
      return c.json({ ...view, overridesKept, grantsKept: tier === undefined ? [] : kept.grants });
    },
  );
}

export async function deleteAccount(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, deletionQuery);
  if (!query.ok) return query.response;
  const { reason, unblock } = query.value;
  const call = stubOf(c, id).deleteAccount(changeBy(c, reason), unblock === "true");
  return ask<DeletedAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "absent") return noAccount(c);
    const isLifted = unblock === "true";
    c.var.services.limiter.heard.noteDeleted(userSubject(id), answer.keyIds ?? [], isLifted, Date.now());
    return c.body(null, 204);
  });
}

export async function grantExtra(c: Context<AppEnv>): Promise<Response> {
  const { policy, requestId } = c.var;
  const body = await readBody(c, newGrantSchema);
  if (!body.ok) return body.response;
  const { limit, amount, until, reason } = body.value;
  const nowMs = Date.now();
  const grant: Grant = {
    grantId: crypto.randomUUID(),
    limit,
    amount,
    untilMs: Date.parse(until),
    createdMs: nowMs,
  };
  if (grant.untilMs <= nowMs || grant.untilMs > nowMs + LONGEST_GRANT_MS) {
    const fault = { path: "/until", message: "must lie in the future, by a year at most" };
    return invalidContent(requestId, [fault]).response;
  }
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const stub = stubOf(c, id);
  const call = async (): Promise<GrantAnswer | Response> => {
    const current: AccountAnswer = await stub.account();
    if (current.kind !== "account") return { kind: "no-account" };
    const { account, grants } = current;
    const base = tierOf(policy, account.tier);
    const before = adjustTier(base, account.overrides, grants);
    const after = adjustTier(base, account.overrides, [...grants, grant]);
    // One that no longer fits would be left out, and take the others with it: it must add.
    if ((capacityOf(after, limit) ?? 0) <= (capacityOf(before, limit) ?? 0)) {
      const fault: Fault = {
        path: "/limit",
        message: `tier "${base.name}" has no such limit, or it cannot hold so much`,
      };
      return invalidContent(requestId, [fault]).response;
    }
    return stub.grant(grant, changeBy(c, reason));
  };
  return ask(c, "account", call(), (answer) => {
    if (answer instanceof Response) return answer;
    if (answer.kind === "grant") return c.json(grantView(answer.grant), 201);
    if (answer.kind === "no-account") return noAccount(c);
    return problem("conflict", "The account has as many grants in force as one may have.", requestId);
  });
}

export async function resetAccount(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, resetSchema);
  if (!body.ok) return body.response;
  const { limits = null, reason } = body.value;
  const { policy, requestId } = c.var;
  return forAccount(c, async (stub) => {
    const current: AccountAnswer = await stub.account();
    if (current.kind !== "account") return current;
    const owners = [tierOf(policy, current.account.tier), ...policy.routes.all];
    const names = owners.flatMap((owner) => owner.limits.map(({ limit }) => limit.name));
    const known = new Set([...names, ...current.counted]);
    const message = `is not a limit of this account (known: ${[...known].slice(0, MAX_NAMES).join(", ")})`;
    const faults = (limits ?? []).flatMap((name, i): Fault[] =>
      known.has(name) ? [] : [{ path: `/limits/${i}`, message }],
    );
    if (faults.length > 0) return invalidContent(requestId, faults).response;
    return stub.reset(limits, changeBy(c, reason));
  });
}

/** Asks the user's object for something that answers with the account; 404 if there is none, or the id cannot be one. */
async function forAccount(
  c: Context<AppEnv>,
  call: (stub: UserLimiterStub) => Promise<AccountAnswer | Response>,
  render: (answer: AccountView) => Response = ({ account, grants }) =>
    c.json(accountView(account, grants, c.var.policy)),
): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  return ask(c, "account", call(stubOf(c, id)), (answer) => {
    if (answer instanceof Response) return answer;
    return answer.kind === "account" ? render(answer) : noAccount(c);
  });
}

/** The object of a user whose id is well formed. */
export function stubOf(c: Context<AppEnv>, id: string): UserLimiterStub {
  return c.var.services.limiter.stub(userSubject(id));
}

export function noAccount(c: Context<AppEnv>): Response {
  const id = c.req.param("id") ?? "";
  return problem("not_found", `There is no account "${id.slice(0, 200)}".`, c.var.requestId);
}

function unknownTier(c: Context<AppEnv>): Response {
  return invalidContent(c.var.requestId, [{ path: "/tier", message: "is no tier of the policy" }]).response;
}
