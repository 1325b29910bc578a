/** The dashboard's sessions: response schema and texts. */
import * as z from "zod/mini";
import { ROLES } from "../../src/identity/admin/role.ts";
import { named } from "../annotations.ts";
import { answer, json, type OperationNotes } from "../notes.ts";
import { momentOrNull, words } from "../scalars.ts";

export const sessionSchema = named(
  "Session",
  "The logged-in administrator.",
  z.strictObject({
    name: words("The name of the admin token, or of the person or service by Cloudflare Access."),
    role: z.enum(ROLES),
    expiresAt: momentOrNull("When the session ends; null for a token."),
  }),
);
export type SessionResponse = z.infer<typeof sessionSchema>;

const createSession: OperationNotes = {
  tag: "Session",
  summary: "Log in with an admin token: sets the dashboard's cookie",
  description:
    "The limiter itself limits wrong tokens by address: 10 at once, then one every 6 seconds. Pages of other sites are rejected.",
  body: { fields: { token: "An admin token." }, examples: { token: { token: "the-admin-token" } } },
  responses: [
    {
      status: 200,
      description: "Logged in for 8 hours.",
      contents: [
        json(sessionSchema, {
          session: { name: "admin-token", role: "admin", expiresAt: "2026-11-21T09:27:12.339Z" },
        }),
      ],
      headers: ["Cache-Control", "Set-Cookie"],
    },
  ],
  problems: [
    "invalid_credentials",
    "forbidden",
    "quota_exceeded",
    "overloaded",
    "temporary_reduced_capacity",
    "not_configured",
  ],
};

const getSession: OperationNotes = {
  tag: "Session",
  summary: "Get the administrator of a session, and their role",
  description: "Also for administrators identified by a bearer token or by Cloudflare Access.",
  responses: [
    answer(200, "The logged-in administrator.", sessionSchema, {
      token: { name: "admin-token", role: "admin", expiresAt: null },
    }),
  ],
};

const deleteSession: OperationNotes = {
  tag: "Session",
  summary: "Log out: ends the dashboard's session everywhere",
  description:
    "The cookie's session ends at once in all isolates, together with its live streams, so a copy of the cookie is useless. Other sessions of the same token remain; a change of the token ends them all. 503: the session may not have ended, and the cookie remains, so that you can retry. Without a session the response is 204, too. Pages of other sites are rejected.",
  responses: [{ status: 204, description: "Logged out.", headers: ["Cache-Control", "Set-Cookie"] }],
  problems: ["forbidden", "temporary_reduced_capacity"],
};

export const SESSIONS_NOTES = { createSession, getSession, deleteSession };
