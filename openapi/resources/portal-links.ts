/** Links to the portal, which an operator makes, and the end of them and of all sessions: response schemas and texts. */
import * as z from "zod/mini";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { named } from "../annotations.ts";
import { answer, type OperationNotes, REASON } from "../notes.ts";
import { count, moment, words } from "../scalars.ts";

export const portalLinkSchema = named(
  "PortalLink",
  "A link by which a customer signs in to the portal, once.",
  z.strictObject({
    account: userIdSchema,
    url: words(
      "Send the customer's browser there. The token is in the fragment, so it reaches no server's log.",
    ),
    expiresAt: moment("From then on the link opens no session."),
  }),
);

export const endedPortalSchema = named(
  "EndedPortalSessions",
  "What has ended.",
  z.strictObject({
    account: userIdSchema,
    links: count("Links that could still be used."),
    sessions: count("Sessions, of keys and of links."),
  }),
);

const createPortalLink: OperationNotes = {
  tag: "Portal",
  summary: "Make a link by which a customer signs in to the portal",
  description:
    "The link opens one session, of 4 hours, which may set the budget and change the tier. It ends with the account, and when the account is blocked. Of more than 20 links of an account, the oldest end. 404 if the policy in force has no `billing.portal`.",
  body: {
    fields: { minutes: "How long the link may be used: at most 1,440, a day. Default: 15." },
    examples: { "an hour": { minutes: 60 }, minimal: {} },
  },
  responses: [
    answer(201, "The link, shown only in this response.", portalLinkSchema, {
      link: {
        account: "acme",
        url: "https://api.example.com/portal#link=pQ1bX9kR3mYt5uV7wZ2aC4dE6fG8hJ0kL1nP3qS5tU7vW9xY2zA4bC.acme",
        expiresAt: "2026-11-21T01:42:13.158Z",
      },
    }),
  ],
  problems: ["not_found"],
};

const endPortalSessions: OperationNotes = {
  tag: "Portal",
  summary: "End all links and sessions of an account's portal",
  description:
    "For a link that falls into the wrong hands, or a customer who leaves a browser signed in. They end at once. The account's keys stay valid and can be used to sign in again: revoke a key that somebody else knows. Safe to repeat.",
  query: { reason: REASON },
  responses: [
    answer(200, "They have ended.", endedPortalSchema, {
      ended: { account: "acme", links: 1, sessions: 3 },
    }),
  ],
  problems: ["not_found"],
};

export const PORTAL_LINKS_NOTES = { createPortalLink, endPortalSessions };
