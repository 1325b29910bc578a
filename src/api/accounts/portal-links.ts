/** Links by which the customers of an account sign in to the portal, once each, and the end of all its links and sessions. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { isUserId } from "../../identity/user-id.ts";
import { newPortalCredential } from "../portal/portal-credential.ts";
import type { EndedPortalAnswer, PortalLinkAnswer } from "../../objects/portal.ts";
import { accountOf } from "../account-of.ts";
import { ask, changeBy } from "../ask.ts";
import { readBody } from "../body.ts";
import { ACCOUNT, type Endpoints } from "../endpoint.ts";
import { reason } from "../fields.ts";
import { noPortal } from "../portal/no-portal.ts";
import { readQuery } from "../query.ts";
import { iso } from "../rfc3339.ts";
import { noAccount, stubOf } from "./account-object.ts";

const DEFAULT_MINUTES = 15;
/** A day. */
const MAX_MINUTES = 1_440;
const newLinkSchema = z.strictObject({
  minutes: z.optional(z.int().check(z.gte(1), z.lte(MAX_MINUTES))),
});

const endingQuery = z.strictObject({ reason });

export const PORTAL_LINKS = {
  createPortalLink: {
    method: "POST",
    path: `${ACCOUNT}/portal-sessions`,
    access: "operator",
    body: newLinkSchema,
    handler: createPortalLink,
  },
  endPortalSessions: {
    method: "DELETE",
    path: `${ACCOUNT}/portal-sessions`,
    access: "operator",
    query: endingQuery,
    handler: endPortalSessions,
  },
} as const satisfies Endpoints;

/** The token is in the fragment, which browsers send to no server: the page exchanges it for a session. */
async function createPortalLink(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const { author, policy, requestId, services } = c.var;
  const body = await readBody(c, newLinkSchema);
  if (!body.ok) return body.response;
  if (policy.billing?.portal === undefined)
    return noPortal(requestId, 'Add "portal" to the policy\'s "billing" first.');
  const { minutes = DEFAULT_MINUTES } = body.value;
  const { secret, text } = await newPortalCredential(id);
  const call = stubOf(c, id).addPortalLink(secret, minutes * 60_000, await changeBy(c, {}));
  return ask<PortalLinkAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "absent") return noAccount(c);
    services.log("info", "portal_link", { requestId, actor: author, account: id, minutes });
    const url = `${new URL(c.req.url).origin}/portal#link=${encodeURIComponent(text)}`;
    return c.json({ account: id, url, expiresAt: iso(answer.expiresMs) }, 201);
  });
}

/** Also without a portal in the policy: it may have had one. */
async function endPortalSessions(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, endingQuery);
  if (!query.ok) return query.response;
  const call = stubOf(c, id).endPortalSessions(await changeBy(c, query.value));
  return ask<EndedPortalAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "absent") return noAccount(c);
    const { links, sessions } = answer;
    return c.json({ account: id, links, sessions });
  });
}
