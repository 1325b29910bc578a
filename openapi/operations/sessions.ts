/** Examples and answers of the dashboard's log-in. */
import { newSessionSchema } from "../../src/api/schemas.ts";
import { sessionSchema } from "../bodies/account.ts";
import { json, type Notes } from "../notes.ts";

const createSession: Notes = {
  tag: "Session",
  summary: "Log in with an admin token: sets the dashboard's cookie",
  description:
    "Wrong tokens are limited by address, by the limiter itself: 10 at once, then one every 6 seconds. A page of another site is refused.",
  request: [json(newSessionSchema, { token: { token: "the-admin-token" } })],
  answers: [
    {
      status: 200,
      description: "Logged in, for 8 hours.",
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

const getSession: Notes = {
  tag: "Session",
  summary: "Who is logged in, in which role",
  description: "Also of who came in by a bearer token or through Cloudflare Access.",
  answers: [
    {
      status: 200,
      description: "Who is logged in.",
      contents: [json(sessionSchema, { token: { name: "admin-token", role: "admin", expiresAt: null } })],
    },
  ],
};

const deleteSession: Notes = {
  tag: "Session",
  summary: "Log out: ends the dashboard's session everywhere",
  description:
    "The session of the cookie ends at once in all isolates, with its live streams, so a copy of the cookie is useless. Other sessions of the same token stay; a change of the token ends them all. 503: the session may not have ended; the cookie stays, so that you can try again. Without a session the answer is 204, too. Pages of other sites are rejected.",
  answers: [{ status: 204, description: "Logged out.", headers: ["Cache-Control", "Set-Cookie"] }],
  problems: ["forbidden", "temporary_reduced_capacity"],
};

export const SESSIONS = { createSession, getSession, deleteSession };
