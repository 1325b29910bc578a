/** What a customer's account may use now and has used so far, as the operator sees it, without limits in shadow. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { accountStatus, getUsage, usageQuery } from "../accounts/usage.ts";
import { type Endpoints, PORTAL } from "../endpoint.ts";

export const PORTAL_ACCOUNT = {
  getPortalStatus: { method: "GET", path: `${PORTAL}/status`, access: "portal", handler: getStatus },
  getPortalUsage: {
    method: "GET",
    path: `${PORTAL}/usage`,
    access: "portal",
    query: usageQuery,
    handler: getUsage,
  },
} as const satisfies Endpoints;

async function getStatus(c: Context<AppEnv>): Promise<Response> {
  return accountStatus(c, ({ shadow: _shadow, ...view }) => view);
}
