/**
 * A customer's keys: listed, and created, rotated and revoked if the policy allows it. Keys created here have the scope `call` only, and
 * only the operator rotates keys with other scopes: a key never leads to one that can do more.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import type { AccountAnswer } from "../../objects/account.ts";
import { noAccount, stubOf } from "../accounts/account-object.ts";
import {
  addKey,
  DEFAULT_GRACE_SECONDS,
  endKey,
  graceSeconds,
  listKeys,
  noKey,
  replaceKey,
} from "../accounts/keys.ts";
import { accountOf } from "../account-of.ts";
import { ask } from "../ask.ts";
import { readBody } from "../body.ts";
import { type Endpoints, PORTAL } from "../endpoint.ts";
import { displayName } from "../fields.ts";
import { lacking } from "./portal-rights.ts";

const newKeySchema = z.strictObject({ name: z.optional(displayName) });
const rotationSchema = z.strictObject({ graceSeconds });

const KEY = `${PORTAL}/keys/:keyId`;

export const PORTAL_KEYS = {
  listPortalKeys: { method: "GET", path: `${PORTAL}/keys`, access: "portal", handler: listKeys },
  createPortalKey: {
    method: "POST",
    path: `${PORTAL}/keys`,
    access: "portal",
    body: newKeySchema,
    idempotent: true,
    handler: createKey,
  },
  rotatePortalKey: {
    method: "POST",
    path: `${KEY}/rotate`,
    access: "portal",
    body: rotationSchema,
    idempotent: true,
    handler: rotateKey,
  },
  revokePortalKey: { method: "DELETE", path: KEY, access: "portal", idempotent: true, handler: revokeKey },
} as const satisfies Endpoints;

async function createKey(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, newKeySchema);
  if (!body.ok) return body.response;
  const rejection = lacking(c, "keys");
  if (rejection) return rejection;
  const { name = "" } = body.value;
  return addKey(c, { name, scopes: ["call"], expiresMs: null }, "live", body.value);
}

async function rotateKey(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, rotationSchema);
  if (!body.ok) return body.response;
  const rejection = lacking(c, "keys");
  if (rejection) return rejection;
  const { graceSeconds: seconds = DEFAULT_GRACE_SECONDS } = body.value;
  const keyId = c.req.param("keyId") ?? "";
  return ask<AccountAnswer>(c, "account", stubOf(c, accountOf(c)).account(), (answer) => {
    if (answer.kind !== "account") return noAccount(c);
    const key = answer.keys.find((one) => one.keyId === keyId);
    if (key === undefined) return noKey(c, { kind: "no-key" });
    // The scopes of a key never change.
    if (key.scopes.some((scope) => scope !== "call")) {
      const detail = "This key may do more than call the API. Ask the operator to rotate it.";
      return problem("forbidden", detail, c.var.requestId);
    }
    return replaceKey(c, keyId, seconds, body.value);
  });
}

async function revokeKey(c: Context<AppEnv>): Promise<Response> {
  return lacking(c, "keys") ?? endKey(c, {});
}
