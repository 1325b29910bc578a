/** A customer's keys in the portal: texts. The answers are those of the operator's endpoints. */
import { answer, DISPLAY_NAME, type OperationNotes } from "../notes.ts";
import { issued, KEY, keySchema, keysSchema } from "./keys.ts";

const listPortalKeys: OperationNotes = {
  tag: "Portal",
  summary: "The customer's keys",
  description: "Never includes the secret key.",
  responses: [answer(200, "The keys.", keysSchema, { keys: { keys: [KEY] } })],
};

const MAY_KEYS =
  "403 unless the policy has `billing.portal.keys`, and for a session of a test key or of a key that will expire (it has an expiry, or is in its grace period).";

const createPortalKey: OperationNotes = {
  tag: "Portal",
  summary: "Create a key, shown only in this response",
  description: `A live key with the scope \`call\`. ${MAY_KEYS}`,
  body: { fields: { name: DISPLAY_NAME }, examples: { key: { name: "Production" }, minimal: {} } },
  responses: [issued],
  problems: ["blocked", "conflict"],
};

const rotatePortalKey: OperationNotes = {
  tag: "Portal",
  summary: "Replace a key with a new one; the old one works for a grace period",
  description: `403 for a key with scopes other than \`call\`: only the operator rotates it. ${MAY_KEYS}`,
  body: {
    fields: { graceSeconds: "How long the old key still works. Default: a day. 0 ends it at once." },
    examples: { "an hour": { graceSeconds: 3_600 } },
  },
  responses: [issued],
  problems: ["blocked", "conflict"],
};

const revokePortalKey: OperationNotes = {
  tag: "Portal",
  summary: "Revoke a key at once",
  description: `Sessions that began with it end. ${MAY_KEYS}`,
  responses: [
    answer(200, "The key after the change.", keySchema, {
      revoked: { ...KEY, revokedAt: "2026-11-21T01:27:13.608Z" },
    }),
  ],
  problems: ["blocked"],
};

export const PORTAL_KEYS_NOTES = { listPortalKeys, createPortalKey, rotatePortalKey, revokePortalKey };
