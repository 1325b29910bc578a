/** Accounts: each call goes to the user's own object, which holds the truth; the list comes from the directory. */
import type { Context } from "hono";
import type { AppEnv } from "../../gateway/app-env.ts";
import { problem } from "../../gateway/problem.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { isUserId } from "../../identity/user-id.ts";
import type { AccountAnswer, AccountChange, GrantAnswer } from "../../limiter/account.ts";
import { directoryOf } from "../../limiter/directory.ts";
import type { ObjectStub } from "../../limiter/object-client.ts";
import type { UserStatus } from "../../limiter/status.ts";
import { adjustTier, type Grant, overrideFaults, type Overrides } from "../../policy/adjust.ts";
import { capacityOf, tierOf } from "../../policy/compile.ts";
import type { Fault } from "../../policy/fault.ts";
import { invalidContent, readBody } from "../body.ts";
import { BAD_CURSOR, badQuery, cursorOf, pageSize, positionOf, readQuery } from "../query.ts";
import {
  accountChangeSchema,
  accountsQuery,
  newAccountSchema,
  newGrantSchema,
  reasonQuery,
  resetSchema,
} from "../schemas.ts";
import { ask, changeBy, iso } from "./ask.ts";
import { accountView, grantView } from "./views.ts";

/** A grant that is to last longer is a tier or an override. */
const LONGEST_GRANT_MS = 366 * 86_400_000;

export async function createAccount(c: Context<AppEnv>): Promise<Response> {
  const { policy, requestId } = c.var;
  const body = await readBody(c, newAccountSchema);
  if (!body.ok) return body.response;
  const { id, name = "", tier = policy.defaultTier, reason } = body.value;
  if (!policy.tiers.has(tier)) return unknownTier(c);
  const call = stubOf(c, id).createAccount(id, { name, tier }, changeBy(c, reason));
  return ask<AccountAnswer>(c, "account", call, (answer) => {
    c.var.services.limiter.forget(userSubject(id), Date.now());
    if (answer.kind === "account") return c.json(accountView(answer.account, answer.grants), 201);
    return problem("conflict", `The account "${id}" exists already.`, requestId);
  });
}

export async function listAccounts(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, accountsQuery);
  if (!query.ok) return query.response;
  const { tier = null, status = null, name = null, limit, cursor } = query.value;
  const after = cursor === undefined ? "" : positionOf(cursor);
  if (after === null) return badQuery(c, BAD_CURSOR).response;
  const call = directoryOf(c.env.ACCOUNT_DIRECTORY).list(
    { tier, status, text: name },
    after,
    pageSize(limit),
  );
  return ask(c, "account directory", call, ({ entries, next }) =>
    c.json({
      accounts: entries.map(({ createdMs, updatedMs, ...entry }) => ({
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
  if (tier !== undefined && !policy.tiers.has(tier)) return unknownTier(c);
  const overrides: Overrides | undefined = limits === null ? {} : limits;
  const change: AccountChange = {
    ...(name === undefined ? {} : { name }),
    ...(tier === undefined ? {} : { tier }),
    ...(status === undefined ? {} : { status }),
    ...(overrides === undefined ? {} : { overrides }),
  };
  return forAccount(c, async (stub) => {
    if (overrides === undefined) return stub.changeAccount(change, changeBy(c, reason));
    const current: AccountAnswer = await stub.account();
    if (current.kind !== "account") return current;
    const faults = overrideFaults(tierOf(policy, tier ?? current.account.tier), overrides);
    if (faults.length > 0) return invalidContent(requestId, faults).response;
    return stub.changeAccount(change, changeBy(c, reason));
  });
}

export async function deleteAccount(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, reasonQuery);
  if (!query.ok) return query.response;
  const { reason } = query.value;
  return forAccount(
    c,
    (stub) => stub.deleteAccount(changeBy(c, reason)),
    () => c.body(null, 204),
  );
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
  const known = new Set(
    [...policy.tiers.values(), ...policy.routes.all].flatMap((owner) =>
      owner.limits.map(({ limit }) => limit.name),
    ),
  );
  const faults = (limits ?? []).flatMap((name, i): Fault[] =>
    known.has(name) ? [] : [{ path: `/limits/${i}`, message: "is no limit of the policy" }],
  );
  if (faults.length > 0) return invalidContent(requestId, faults).response;
  return forAccount(c, (stub) => stub.reset(limits, changeBy(c, reason)));
}

/** Asks the user's object for something that answers with the account; 404 where there is none, or the id cannot be one. */
async function forAccount(
  c: Context<AppEnv>,
  call: (stub: ObjectStub) => Promise<AccountAnswer | Response>,
  render?: () => Response,
): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  return ask(c, "account", call(stubOf(c, id)), (answer) => {
    if (answer instanceof Response) return answer;
    if (answer.kind !== "account") return noAccount(c);
    return render ? render() : c.json(accountView(answer.account, answer.grants));
  });
}

/** The object of a user whose id is well formed. */
export function stubOf(c: Context<AppEnv>, id: string): ObjectStub {
  return c.var.services.limiter.stub(userSubject(id));
}

export function noAccount(c: Context<AppEnv>): Response {
  const id = c.req.param("id") ?? "";
  return problem("not_found", `There is no account "${id.slice(0, 200)}".`, c.var.requestId);
}

function unknownTier(c: Context<AppEnv>): Response {
  return invalidContent(c.var.requestId, [{ path: "/tier", message: "is no tier of the policy" }]).response;
}
