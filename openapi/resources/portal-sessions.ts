/** A customer's session of the portal: response schema and texts. */
import * as z from "zod/mini";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { PORTAL_KINDS } from "../../src/objects/portal.ts";
import { about, named } from "../annotations.ts";
import { answer, CUSTOMER_PROBLEMS, json, type OperationNotes } from "../notes.ts";
import { moment, words } from "../scalars.ts";

export const portalSessionSchema = named(
  "PortalSession",
  "A customer's session of the portal.",
  z.strictObject({
    account: userIdSchema,
    name: words("The account's name."),
    kind: about(
      "How it began: with one of the account's keys, or with an operator's link.",
      z.enum(PORTAL_KINDS),
    ),
    may: about(
      "What it may change. All are false if the account is blocked.",
      z.strictObject({ keys: z.boolean(), budget: z.boolean(), tier: z.boolean() }),
    ),
    expiresAt: moment("When the session ends at the latest."),
  }),
);
export type PortalSessionResponse = z.infer<typeof portalSessionSchema>;

const SESSION: PortalSessionResponse = {
  account: "acme",
  name: "Acme GmbH",
  kind: "link",
  may: { keys: true, budget: true, tier: true },
  expiresAt: "2026-11-21T05:27:13.339Z",
};

const createPortalSession: OperationNotes = {
  tag: "Portal",
  summary: "Sign in to the portal with a key or a link: sets the cookie",
  description:
    "A session of a key lasts 12 hours, and as long as the key is valid. One of a link lasts 4 hours. The session in the request's cookie, if there is one, ends. An account has at most 50 sessions of each kind: beyond that, the oldest of the same kind ends; among key sessions, the oldest session of the key with the most sessions. Failed attempts are limited by address: 10 at once, then one every 6 seconds. Pages of other sites are rejected.",
  body: {
    examples: {
      "with a key": { key: "el_live_LOL7NOKYFzMd0lVCZTpLnv0fmtlH5k3du4tr" },
      "with a link": { link: "pQ1bX9kR3mYt5uV7wZ2aC4dE6fG8hJ0kL1nP3qS5tU7vW9xY2zA4bC.acme" },
    },
  },
  responses: [
    {
      status: 200,
      description: "Signed in.",
      contents: [json(portalSessionSchema, { session: SESSION })],
      headers: ["Cache-Control", "Set-Cookie"],
    },
  ],
  problems: CUSTOMER_PROBLEMS,
};

const getPortalSession: OperationNotes = {
  tag: "Portal",
  summary: "Whose session it is, and what it may change",
  description: "Computed anew each time: the key, the account and the policy may have changed.",
  responses: [answer(200, "The session.", portalSessionSchema, { session: SESSION })],
};

const deletePortalSession: OperationNotes = {
  tag: "Portal",
  summary: "Sign out of the portal: ends the session everywhere",
  description: "A copy of the cookie is useless from then on. Without a session, the response is 204 too.",
  responses: [{ status: 204, description: "Signed out.", headers: ["Cache-Control", "Set-Cookie"] }],
  problems: ["forbidden", "not_found", "flood", "temporary_reduced_capacity"],
};

export const PORTAL_SESSIONS_NOTES = { createPortalSession, getPortalSession, deletePortalSession };
