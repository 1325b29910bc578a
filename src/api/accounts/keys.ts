/** API keys of an account: issued, rotated and revoked by the user's own object. A response shows a key's plaintext once, when issued. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { generateApiKey, hashApiKey } from "../../identity/api-key.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { KEY_MODES, type KeyMode, modeOf, newKeyId } from "../../identity/key-mode.ts";
import { KEY_SCOPES } from "../../identity/key-scope.ts";
import { isUserId } from "../../identity/user-id.ts";
import type { AccountAnswer, ApiKey, KeyAnswer, NewKey } from "../../objects/account.ts";
import type { CallDiffers } from "../../objects/change.ts";
import { accountOf } from "../account-of.ts";
import { ask, type Asked, changeBy } from "../ask.ts";
import { invalidContent, readBody } from "../body.ts";
import { ACCOUNT, type Endpoints } from "../endpoint.ts";
import { displayName, instant, reason } from "../fields.ts";
import { readQuery } from "../query.ts";
import { iso, isoOrNull } from "../rfc3339.ts";
import { noAccount, revisionFor, stubOf } from "./account-object.ts";

export const DEFAULT_GRACE_SECONDS = 86_400;
/** 30 days. */
const MAX_GRACE_SECONDS = 2_592_000;
export const graceSeconds = z.optional(z.int().check(z.gte(0), z.lte(MAX_GRACE_SECONDS)));

const TOO_MANY_KEYS =
  'The account has the maximum number of keys in force. Revoke one, or rotate one with "graceSeconds": 0, which frees its place at once.';

/** Usage of test keys is not billed. A key's successors have its mode. */
const mode = z.optional(z.enum(KEY_MODES));

const newKeySchema = z.strictObject({
  name: z.optional(displayName),
  scopes: z.optional(z.array(z.enum(KEY_SCOPES)).check(z.minLength(1), z.maxLength(KEY_SCOPES.length))),
  expiresAt: z.optional(instant),
  mode,
  reason,
});

const rotationSchema = z.strictObject({
  graceSeconds,
  mode,
  reason,
});

const revocationQuery = z.strictObject({ reason });

export const KEYS = {
  createKey: {
    method: "POST",
    path: `${ACCOUNT}/keys`,
    access: "operator",
    body: newKeySchema,
    idempotent: true,
    handler: createKey,
  },
  listKeys: { method: "GET", path: `${ACCOUNT}/keys`, access: "viewer", handler: listKeys },
  rotateKey: {
    method: "POST",
    path: `${ACCOUNT}/keys/:keyId/rotate`,
    access: "operator",
    body: rotationSchema,
    idempotent: true,
    handler: rotateKey,
  },
  revokeKey: {
    method: "DELETE",
    path: `${ACCOUNT}/keys/:keyId`,
    access: "operator",
    query: revocationQuery,
    idempotent: true,
    handler: revokeKey,
  },
} as const satisfies Endpoints;

export async function listKeys(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  return ask<AccountAnswer>(c, "account", stubOf(c, id).account(), (answer) =>
    answer.kind === "account" ? c.json({ keys: answer.keys.map(keyView) }) : noAccount(c),
  );
}

async function createKey(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const body = await readBody(c, newKeySchema);
  if (!body.ok) return body.response;
  const { name = "", scopes = ["call"], expiresAt, mode: keyMode = "live" } = body.value;
  const expiresMs = expiresAt === undefined ? null : Date.parse(expiresAt);
  if (expiresMs !== null && expiresMs <= Date.now()) {
    const fault = { path: "/expiresAt", message: "must be in the future" };
    return invalidContent(c.var.requestId, [fault]).response;
  }
  const wanted = { name, scopes: [...new Set(scopes)], expiresMs };
  return addKey(c, wanted, keyMode, body.value);
}

export async function addKey(
  c: Context<AppEnv>,
  wanted: Pick<NewKey, "name" | "scopes" | "expiresMs">,
  keyMode: KeyMode,
  asked: Asked,
): Promise<Response> {
  const key = generateApiKey(keyMode);
  const input = { ...wanted, keyId: newKeyId(keyMode), hash: await hashApiKey(key) };
  const by = await changeBy(c, asked);
  const call = stubOf(c, accountOf(c)).addKey(input, by, revisionFor(c.var.policy));
  return ask<KeyAnswer>(c, "account", call, (answer) => newKey(c, answer, key, input.keyId));
}

async function rotateKey(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const body = await readBody(c, rotationSchema);
  if (!body.ok) return body.response;
  const { graceSeconds: seconds = DEFAULT_GRACE_SECONDS, mode: wanted } = body.value;
  const oldKeyId = c.req.param("keyId") ?? "";
  const keyMode = modeOf(oldKeyId);
  if (wanted !== undefined && wanted !== keyMode) {
    const message = `must be "${keyMode}", as that of the rotated key: issue a new key to change the mode`;
    return invalidContent(c.var.requestId, [{ path: "/mode", message }]).response;
  }
  return replaceKey(c, oldKeyId, seconds, body.value);
}

export async function replaceKey(
  c: Context<AppEnv>,
  oldKeyId: string,
  seconds: number,
  asked: Asked,
): Promise<Response> {
  const id = accountOf(c);
  const keyMode = modeOf(oldKeyId);
  const key = generateApiKey(keyMode);
  const keyId = newKeyId(keyMode);
  const rotation = { oldKeyId, keyId, hash: await hashApiKey(key), graceMs: seconds * 1_000 };
  const call = stubOf(c, id).rotateKey(rotation, await changeBy(c, asked), revisionFor(c.var.policy));
  return ask<KeyAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "key") noteEnd(c, id, rotation.oldKeyId, rotation.graceMs);
    return newKey(c, answer, key, rotation.keyId);
  });
}

async function revokeKey(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, revocationQuery);
  if (!query.ok) return query.response;
  return endKey(c, query.value);
}

/** Revokes the key that the path names. */
export async function endKey(c: Context<AppEnv>, asked: Asked): Promise<Response> {
  const id = accountOf(c);
  const by = await changeBy(c, asked);
  const call = stubOf(c, id).revokeKey(c.req.param("keyId") ?? "", by, revisionFor(c.var.policy));
  return ask<KeyAnswer>(c, "account", call, (answer) => {
    if (answer.kind !== "key") return noKey(c, answer);
    noteEnd(c, id, answer.key.keyId, 0);
    return c.json(keyView(answer.key));
  });
}

/** From its end on, this isolate rejects the key even if the account's object fails. */
function noteEnd(c: Context<AppEnv>, id: string, keyId: string, inMs: number): void {
  const nowMs = Date.now();
  c.var.services.limiter.heard.noteStop(userSubject(id), keyId, nowMs + inMs, nowMs);
}

type Answered = Exclude<KeyAnswer, CallDiffers>;

/** The only response that contains a key's plaintext. @param keyId of the plaintext. */
function newKey(c: Context<AppEnv>, answer: Answered, key: string, keyId: string): Response {
  if (answer.kind !== "key") return noKey(c, answer);
  if (answer.key.keyId !== keyId) {
    const detail = `An earlier call with this Idempotency-Key made the key ${answer.key.keyId}. Its plaintext is not stored: revoke it and make another with a new Idempotency-Key.`;
    return problem("conflict", detail, c.var.requestId);
  }
  const view = { key, ...keyView(answer.key), published: answer.published };
  return c.json(view, 201);
}

export function noKey(c: Context<AppEnv>, answer: Exclude<Answered, { kind: "key" }>): Response {
  switch (answer.kind) {
    case "no-account":
      return noAccount(c);
    case "no-key":
      return problem("not_found", "The account has no key in force with this id.", c.var.requestId);
    case "too-many":
      return problem("conflict", TOO_MANY_KEYS, c.var.requestId);
  }
}

function keyView({ keyId, name, scopes, createdMs, expiresMs, revokedMs, lastUsedMs }: ApiKey) {
  return {
    keyId,
    name,
    scopes,
    mode: modeOf(keyId),
    createdAt: iso(createdMs),
    expiresAt: isoOrNull(expiresMs),
    revokedAt: isoOrNull(revokedMs),
    /** To the hour. */
    lastUsedAt: isoOrNull(lastUsedMs),
  };
}
