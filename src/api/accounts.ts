/** The admin API's accounts and keys: each call goes to the user's own object, which holds the truth. */
import type { Context } from "hono";
import type { AppEnv } from "../gateway/app-env.ts";
import { problem } from "../gateway/problem.ts";
import { withDeadline } from "../deadline.ts";
import { generateApiKey, hashApiKey } from "../identity/api-key.ts";
import { userSubject } from "../identity/authenticate.ts";
import { isUserId } from "../identity/user-id.ts";
import type { Account, AccountAnswer, AccountChange, ApiKey, KeyAnswer } from "../limiter/account.ts";
import type { ObjectStub } from "../limiter/limiter.ts";
import { messageOf } from "../log.ts";
import { invalidContent, readBody } from "./body.ts";
import { accountChangeSchema, newAccountSchema, newKeySchema } from "./schemas.ts";

/** An operator waits longer than a request may: a write to storage and to KV fits in. */
const DEADLINE_MS = 10_000;

export async function createAccount(c: Context<AppEnv>): Promise<Response> {
  const { policy, requestId } = c.var;
  const body = await readBody(c, newAccountSchema);
  if (!body.ok) return body.response;
  const { id, name = "", tier = policy.defaultTier } = body.value;
  if (!policy.tiers.has(tier)) return unknownTier(requestId);
  return ask(
    c,
    id,
    (stub): Promise<AccountAnswer> => stub.createAccount(id, { name, tier }),
    (answer) => {
      if (answer.kind !== "account")
        return problem("conflict", `The account "${id}" exists already.`, requestId);
      return c.json(accountView(answer.account), 201);
    },
  );
}

export async function getAccount(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  return ask(
    c,
    id,
    (stub): Promise<AccountAnswer> => stub.account(),
    (answer) => {
      if (answer.kind !== "account") return noAccount(c, id);
      return c.json(accountView(answer.account));
    },
  );
}

export async function changeAccount(c: Context<AppEnv>): Promise<Response> {
  const { policy, requestId } = c.var;
  const id = c.req.param("id") ?? "";
  const body = await readBody(c, accountChangeSchema);
  if (!body.ok) return body.response;
  const { name, tier, status } = body.value;
  if (tier !== undefined && !policy.tiers.has(tier)) return unknownTier(requestId);
  const change: AccountChange = {
    ...(name === undefined ? {} : { name }),
    ...(tier === undefined ? {} : { tier }),
    ...(status === undefined ? {} : { status }),
  };
  return ask(
    c,
    id,
    (stub): Promise<AccountAnswer> => stub.changeAccount(change),
    (answer) => {
      if (answer.kind !== "account") return noAccount(c, id);
      return c.json(accountView(answer.account));
    },
  );
}

export async function listKeys(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  return ask(
    c,
    id,
    (stub): Promise<AccountAnswer> => stub.account(),
    (answer) => {
      if (answer.kind !== "account") return noAccount(c, id);
      return c.json({ keys: answer.keys.map(keyView) });
    },
  );
}

export async function createKey(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  const body = await readBody(c, newKeySchema);
  if (!body.ok) return body.response;
  const { name = "", scopes = ["call"], expiresAt, mode = "live" } = body.value;
  const key = generateApiKey(mode);
  const input = {
    keyId: crypto.randomUUID(),
    hash: await hashApiKey(key),
    name,
    scopes: [...new Set(scopes)],
    expiresMs: expiresAt === undefined ? null : Date.parse(expiresAt),
  };
  return ask(
    c,
    id,
    (stub): Promise<KeyAnswer> => stub.addKey(input),
    (answer) => {
      if (answer.kind === "too-many") {
        return problem("conflict", "The account has as many keys as one may have.", c.var.requestId);
      }
      if (answer.kind !== "key") return noAccount(c, id);
      return c.json({ key, ...keyView(answer.key), published: answer.published }, 201, {
        "Cache-Control": "no-store",
      });
    },
  );
}

export async function revokeKey(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  const keyId = c.req.param("keyId") ?? "";
  return ask(
    c,
    id,
    (stub): Promise<KeyAnswer> => stub.revokeKey(keyId),
    (answer) => {
      if (answer.kind === "no-account") return noAccount(c, id);
      if (answer.kind !== "key") return problem("not_found", `There is no key "${keyId}".`, c.var.requestId);
      return c.json(keyView(answer.key));
    },
  );
}

/** Asks the user's object; 404 where the id cannot be one, 503 where the object does not answer. */
async function ask<T>(
  c: Context<AppEnv>,
  id: string,
  call: (stub: ObjectStub) => Promise<T>,
  render: (answer: T) => Response,
): Promise<Response> {
  if (!isUserId(id)) return noAccount(c, id);
  const { services, requestId } = c.var;
  try {
    return render(await withDeadline(call(services.limiter.stub(userSubject(id))), DEADLINE_MS, "account"));
  } catch (thrown) {
    services.log("error", "account_call_failed", { requestId, user: id, error: messageOf(thrown) });
    return problem("temporary_reduced_capacity", "The account's object does not answer.", requestId, {
      retryAfterMs: 1_000,
    });
  }
}

function noAccount(c: Context<AppEnv>, id: string): Response {
  return problem("not_found", `There is no account "${id.slice(0, 200)}".`, c.var.requestId);
}

function unknownTier(requestId: string): Response {
  return invalidContent(requestId, [{ path: "/tier", message: "is no tier of the policy" }]).response;
}

function accountView({ user, name, tier, status, createdMs, updatedMs }: Account) {
  return { id: user, name, tier, status, createdAt: iso(createdMs), updatedAt: iso(updatedMs) };
}

function keyView({ keyId, name, scopes, createdMs, expiresMs, revokedMs }: ApiKey) {
  return {
    keyId,
    name,
    scopes,
    createdAt: iso(createdMs),
    expiresAt: expiresMs === null ? null : iso(expiresMs),
    revokedAt: revokedMs === null ? null : iso(revokedMs),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
