/** API keys of an account: issued, rotated and revoked by the user's own object. The plaintext is shown once, here. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { problem } from "../../edge/problem.ts";
import { generateApiKey, hashApiKey } from "../../identity/api-key.ts";
import { isUserId } from "../../identity/user-id.ts";
import type { AccountAnswer, KeyAnswer } from "../../objects/account.ts";
import { invalidContent, readBody } from "../body.ts";
import { readQuery } from "../query.ts";
import { newKeySchema, reasonQuery, rotationSchema } from "../schemas.ts";
import { noAccount, stubOf } from "./accounts.ts";
import { ask, changeBy } from "../ask.ts";
import { keyView } from "./views.ts";

const DEFAULT_GRACE_SECONDS = 86_400;

const ALL_IN_FORCE =
  'The account has the maximum number of keys in force: revoke one, or rotate one with "graceSeconds": 0, which frees its place at once.';

export async function listKeys(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  return ask<AccountAnswer>(c, "account", stubOf(c, id).account(), (answer) =>
    answer.kind === "account" ? c.json({ keys: answer.keys.map(keyView) }) : noAccount(c),
  );
}

export async function createKey(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const body = await readBody(c, newKeySchema);
  if (!body.ok) return body.response;
  const { name = "", scopes = ["call"], expiresAt, mode = "live", reason } = body.value;
  const expiresMs = expiresAt === undefined ? null : Date.parse(expiresAt);
  if (expiresMs !== null && expiresMs <= Date.now()) {
    const fault = { path: "/expiresAt", message: "must lie in the future" };
    return invalidContent(c.var.requestId, [fault]).response;
  }
  const key = generateApiKey(mode);
  const hash = await hashApiKey(key);
  const input = { keyId: crypto.randomUUID(), hash, name, scopes: [...new Set(scopes)], expiresMs };
  const call = stubOf(c, id).addKey(input, changeBy(c, reason));
  return ask<KeyAnswer>(c, "account", call, (answer) => newKey(c, answer, key));
}

export async function rotateKey(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const body = await readBody(c, rotationSchema);
  if (!body.ok) return body.response;
  const { graceSeconds = DEFAULT_GRACE_SECONDS, mode = "live", reason } = body.value;
  const key = generateApiKey(mode);
  const rotation = {
    oldKeyId: c.req.param("keyId") ?? "",
    keyId: crypto.randomUUID(),
    hash: await hashApiKey(key),
    graceMs: graceSeconds * 1_000,
  };
  const call = stubOf(c, id).rotateKey(rotation, changeBy(c, reason));
  return ask<KeyAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "key") heardStop(c, id, rotation.oldKeyId, rotation.graceMs);
    return newKey(c, answer, key);
  });
}

export async function revokeKey(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, reasonQuery);
  if (!query.ok) return query.response;
  const call = stubOf(c, id).revokeKey(c.req.param("keyId") ?? "", changeBy(c, query.value.reason));
  return ask<KeyAnswer>(c, "account", call, (answer) => {
    if (answer.kind !== "key") return noKey(c, answer);
    heardStop(c, id, answer.key.keyId, 0);
    return c.json(keyView(answer.key));
  });
}

/** This isolate rejects the key from then on, even if the account's object fails. */
function heardStop(c: Context<AppEnv>, id: string, keyId: string, inMs: number): void {
  const nowMs = Date.now();
  c.var.services.limiter.heard.noteStop(userSubject(id), keyId, nowMs + inMs, nowMs);
}

/** The one time that a key's plaintext is shown. */
function newKey(c: Context<AppEnv>, answer: KeyAnswer, key: string): Response {
  if (answer.kind !== "key") return noKey(c, answer);
  const view = { key, ...keyView(answer.key), published: answer.published };
  return c.json(view, 201);
}

function noKey(c: Context<AppEnv>, answer: Exclude<KeyAnswer, { kind: "key" }>): Response {
  switch (answer.kind) {
    case "no-account":
      return noAccount(c);
    case "no-key":
      return problem("not_found", "The account has no such key in force.", c.var.requestId);
    case "too-many":
      return problem("conflict", ALL_IN_FORCE, c.var.requestId);
  }
}
