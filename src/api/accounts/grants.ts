/** Corrections of an account's counters by an operator: extra capacity until a time, its early end, and resets. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { isUserId } from "../../identity/user-id.ts";
import type {
  Account,
  AccountAnswer,
  GrantAnswer,
  ResetAnswer,
  RevokedGrantAnswer,
} from "../../objects/account.ts";
import { adjustTier, type Grant } from "../../policy/adjust.ts";
import { capacityOf, tierOf } from "../../policy/compile.ts";
import type { Fault } from "../../policy/fault.ts";
import { ask, changeBy } from "../ask.ts";
import { invalidContent, readBody } from "../body.ts";
import { ACCOUNT, type Endpoints } from "../endpoint.ts";
import { instant, limitName, reason, tokens } from "../fields.ts";
import { unknownName } from "../known-names.ts";
import { readQuery } from "../query.ts";
import { forAccount, noAccount, stubOf } from "./account-object.ts";
import { grantView } from "./account-view.ts";

/** A grant is acknowledged after about a second, when every isolate knows of it: a shorter one would have ended. */
const MIN_GRANT_MS = 2_000;
/** For longer, change the tier or set an override. */
const MAX_GRANT_MS = 366 * 86_400_000;

const newGrantSchema = z.strictObject({
  limit: limitName,
  /** Tokens, or slots. */
  amount: tokens,
  until: instant,
  reason,
});

const revocationQuery = z.strictObject({ reason });

const resetSchema = z.strictObject({
  limits: z.optional(z.array(limitName).check(z.minLength(1), z.maxLength(32))),
  reason,
});

export const GRANTS = {
  grantExtra: {
    method: "POST",
    path: `${ACCOUNT}/grants`,
    access: "operator",
    body: newGrantSchema,
    idempotent: true,
    handler: grantExtra,
  },
  revokeGrant: {
    method: "DELETE",
    path: `${ACCOUNT}/grants/:grantId`,
    access: "operator",
    query: revocationQuery,
    idempotent: true,
    handler: revokeGrant,
  },
  resetAccount: {
    method: "POST",
    path: `${ACCOUNT}/reset`,
    access: "operator",
    body: resetSchema,
    idempotent: true,
    handler: resetAccount,
  },
} as const satisfies Endpoints;

async function grantExtra(c: Context<AppEnv>): Promise<Response> {
  const { requestId } = c.var;
  const body = await readBody(c, newGrantSchema);
  if (!body.ok) return body.response;
  const { limit, amount, until } = body.value;
  const nowMs = Date.now();
  const grant: Grant = {
    grantId: crypto.randomUUID(),
    limit,
    amount,
    untilMs: Date.parse(until),
    createdMs: nowMs,
  };
  if (grant.untilMs < nowMs + MIN_GRANT_MS || grant.untilMs > nowMs + MAX_GRANT_MS) {
    const fault = { path: "/until", message: "must be at least 2 seconds and at most 366 days ahead" };
    return invalidContent(requestId, [fault]).response;
  }
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const stub = stubOf(c, id);
  const by = await changeBy(c, body.value);
  const call = async (): Promise<GrantAnswer | Response> => {
    const current: AccountAnswer = await stub.account();
    if (current.kind !== "account") return { kind: "no-account" };
    const fault = grantFault(c, current.account, current.grants, grant);
    return fault ? invalidContent(requestId, [fault]).response : stub.grant(grant, by);
  };
  return ask(c, "account", call(), (answer) => {
    if (answer instanceof Response) return answer;
    if (answer.kind === "grant") return c.json(grantView(answer.grant), 201);
    if (answer.kind === "no-account") return noAccount(c);
    const detail = "The account has the maximum number of grants in force. Wait until one ends.";
    return problem("conflict", detail, requestId);
  });
}

/** A grant must raise its limit: one that does not fit is ignored, and takes the limit's other grants with it. */
function grantFault(
  c: Context<AppEnv>,
  { tier, overrides }: Account,
  grants: readonly Grant[],
  grant: Grant,
): Fault | null {
  const base = tierOf(c.var.policy, tier);
  const before = adjustTier(base, overrides, grants);
  const after = adjustTier(base, overrides, [...grants, grant]);
  if ((capacityOf(after, grant.limit) ?? 0) > (capacityOf(before, grant.limit) ?? 0)) return null;
  const names = before.limits.map(({ limit }) => limit.name);
  if (!names.includes(grant.limit)) return unknownName("/limit", "limit", grant.limit, names);
  return { path: "/limit", message: `the limit "${grant.limit}" cannot take this amount` };
}

async function revokeGrant(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, revocationQuery);
  if (!query.ok) return query.response;
  const by = await changeBy(c, query.value);
  const call = stubOf(c, id).revokeGrant(c.req.param("grantId") ?? "", by);
  return ask<RevokedGrantAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "revoked") return c.json(grantView(answer.grant));
    if (answer.kind === "no-account") return noAccount(c);
    return problem("not_found", "The account has no grant in force with this id.", c.var.requestId);
  });
}

async function resetAccount(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, resetSchema);
  if (!body.ok) return body.response;
  const { limits = null } = body.value;
  const by = await changeBy(c, body.value);
  const { policy, requestId } = c.var;
  return forAccount(c, async (stub) => {
    const current: AccountAnswer = await stub.account();
    if (current.kind !== "account") return current;
    const owners = [tierOf(policy, current.account.tier), ...policy.routes.all];
    const names = owners.flatMap((owner) => owner.limits.map(({ limit }) => limit.name));
    const known = new Set([...names, ...current.counted]);
    const faults = (limits ?? []).flatMap((name, i) =>
      known.has(name) ? [] : [unknownName(`/limits/${i}`, "limit", name, known)],
    );
    if (faults.length > 0) return invalidContent(requestId, faults).response;
    const answer: ResetAnswer = await stub.reset(limits, by);
    if (answer.kind !== "billed-limit") return answer;
    const detail = `The limit "${answer.limit}" is billed, so it cannot be reset: give a credit or a grant. Name other limits to reset them.`;
    return problem("conflict", detail, requestId);
  });
}
