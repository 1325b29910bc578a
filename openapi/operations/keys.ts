/** Examples and answers of the endpoints of API keys. */
import type * as z from "zod/mini";
import { newKeySchema, rotationSchema } from "../../src/api/schemas.ts";
import { keySchema, keysSchema, newKeyAnswerSchema } from "../bodies/account.ts";
import { json, type Notes } from "../notes.ts";

const KEY = {
  keyId: "7c49bc07-717d-4019-a06b-602410bbae61",
  name: "Production",
  scopes: ["call"],
  createdAt: "2026-11-21T01:27:13.158Z",
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
} satisfies z.infer<typeof keySchema>;

/** One that never worked anywhere but in a test. */
const PLAINTEXT = "el_test_LOL7NOKYFzMd0lVCZTpLnv0fmtlH5k3du4tr";

const issued: Notes["answers"][0] = {
  status: 201,
  description: "The new key, shown this once.",
  contents: [json(newKeyAnswerSchema, { key: { key: PLAINTEXT, ...KEY, published: true } })],
};

const createKey: Notes = {
  tag: "Keys",
  summary: "Issue an API key; it is shown once",
  description: "Works at once; a location that was asked for it before it existed may need half a minute.",
  request: [json(newKeySchema, { key: { name: "Production", scopes: ["call"] }, least: {} })],
  answers: [issued],
  problems: ["not_found", "conflict"],
};

const listKeys: Notes = {
  tag: "Keys",
  summary: "List an account's keys",
  description: "From the user's own object: always the newest.",
  answers: [
    { status: 200, description: "The keys.", contents: [json(keysSchema, { keys: { keys: [KEY] } })] },
  ],
  problems: ["not_found"],
};

const rotateKey: Notes = {
  tag: "Keys",
  summary: "Put a new key in another's place; the old one works for a grace period",
  description:
    "The new key has the name, scopes and expiry of the old one, and shares its counters of limits with scope `key`. A key may be rotated again in its grace period, which can only shorten it; its successors expire when the first key would have. If all 100 keys are in force, rotate with a grace period of 0: the old key's place is then free.",
  request: [json(rotationSchema, { "an hour": { graceSeconds: 3_600, reason: "Yearly" } })],
  answers: [issued],
  problems: ["not_found", "conflict"],
};

const revokeKey: Notes = {
  tag: "Keys",
  summary: "Revoke an API key at once",
  description: "The user's object refuses it from this moment on. Revoking again changes nothing.",
  answers: [
    {
      status: 200,
      description: "The key as it is now.",
      contents: [json(keySchema, { revoked: { ...KEY, revokedAt: "2026-11-21T01:27:13.608Z" } })],
    },
  ],
  problems: ["not_found"],
};

export const KEYS = { createKey, listKeys, rotateKey, revokeKey };
