/** API keys: response schemas and texts. */
import * as z from "zod/mini";
import { KEY_MODES } from "../../src/identity/key-mode.ts";
import { KEY_SCOPES } from "../../src/identity/key-scope.ts";
import { about, named } from "../annotations.ts";
import { answer, DISPLAY_NAME, type OperationNotes, REASON } from "../notes.ts";
import { moment, momentOrNull, words } from "../scalars.ts";

const MODE =
  "Usage of a `test` key is not billed: beyond what the tier includes in a month, such keys are denied. Default: `live`.";
const SAME_MODE = "Of the key that is replaced: another one is rejected.";

const keyFields = {
  keyId: words("Identifies the key without revealing it."),
  name: words(DISPLAY_NAME),
  scopes: about("`call`: the routes of the gateway. `check`: the decision API.", z.array(z.enum(KEY_SCOPES))),
  mode: about("Usage of a `test` key is metered, but not billed.", z.enum(KEY_MODES)),
  createdAt: moment("When the key was issued."),
  expiresAt: momentOrNull(
    "When the key stops working: at its expiry or, after a rotation, at the end of its grace period; null: never.",
  ),
  revokedAt: momentOrNull("When the key was revoked."),
  lastUsedAt: momentOrNull(
    "The hour in which the key was last used for a request of its own account, as the scope `call` allows. Its use in other scopes is not recorded.",
  ),
};

export const keySchema = named("Key", "An API key, without the key itself.", z.strictObject(keyFields));
export type KeyResponse = z.infer<typeof keySchema>;

export const newKeySchema = named(
  "NewKey",
  "A new key, with the key itself: the only response that contains it.",
  z.strictObject({
    key: about(
      "Sent in X-API-Key. Store it: it cannot be shown again.",
      z.string().check(z.regex(/^el_(live|test)_[0-9A-Za-z]{36}$/)),
    ),
    ...keyFields,
    published: about("Whether all locations know the key already; if not, they will shortly.", z.boolean()),
  }),
);
export type NewKeyResponse = z.infer<typeof newKeySchema>;

export const keysSchema = z.strictObject({
  keys: about("Oldest first, including revoked ones.", z.array(keySchema)),
});
export type KeysResponse = z.infer<typeof keysSchema>;

export const KEY = {
  keyId: "7c49bc07-717d-4019-a06b-602410bbae61",
  name: "Production",
  scopes: ["call"],
  mode: "live",
  createdAt: "2026-11-21T01:27:13.158Z",
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
} satisfies KeyResponse;

/** Worked only in a test. */
const PLAINTEXT = "el_live_LOL7NOKYFzMd0lVCZTpLnv0fmtlH5k3du4tr";

export const issued = answer(201, "The new key, shown only in this response.", newKeySchema, {
  key: { key: PLAINTEXT, ...KEY, published: true },
});

const createKey: OperationNotes = {
  tag: "Keys",
  summary: "Issue an API key, shown only in this response",
  description:
    "The key works at once. A location that was asked for it before it existed may need half a minute.",
  body: {
    fields: {
      name: DISPLAY_NAME,
      scopes: 'Default: `["call"]`.',
      expiresAt: "In the future. Default: the key does not expire.",
      mode: MODE,
      reason: REASON,
    },
    examples: { key: { name: "Production", scopes: ["call"] }, minimal: {} },
  },
  responses: [issued],
  problems: ["not_found", "conflict"],
};

const listKeys: OperationNotes = {
  tag: "Keys",
  summary: "List an account's keys",
  description: "Read from the user's own object, so always up to date.",
  responses: [answer(200, "The keys.", keysSchema, { keys: { keys: [KEY] } })],
  problems: ["not_found"],
};

const rotateKey: OperationNotes = {
  tag: "Keys",
  summary: "Replace a key with a new one; the old one works for a grace period",
  description:
    "The new key has the name, scopes, mode and expiry of the old one, and shares its counters of limits with scope `key`. During its grace period a key may be rotated again, which can only shorten that period; its successors expire when the first key would have. If all 100 keys are in force, rotate with a grace period of 0, which frees the old key's place.",
  body: {
    fields: {
      graceSeconds: "How long the old key still works. Default: a day. 0 ends it at once.",
      mode: SAME_MODE,
      reason: REASON,
    },
    examples: { "an hour": { graceSeconds: 3_600, reason: "Yearly" } },
  },
  responses: [issued],
  problems: ["not_found", "conflict"],
};

const revokeKey: OperationNotes = {
  tag: "Keys",
  summary: "Revoke an API key at once",
  description: "The user's object rejects the key from now on. Revoking it again changes nothing.",
  query: { reason: REASON },
  responses: [
    answer(200, "The key after the change.", keySchema, {
      revoked: { ...KEY, revokedAt: "2026-11-21T01:27:13.608Z" },
    }),
  ],
  problems: ["not_found"],
};

export const KEYS_NOTES = { createKey, listKeys, rotateKey, revokeKey };
