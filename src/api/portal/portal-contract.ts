/** The endpoints of the customers' portal. See contract.ts. */
import { type PortalAccess, routesOf } from "../endpoint.ts";
import { PORTAL_ACCOUNT } from "./portal-account.ts";
import { PORTAL_BILLING } from "./portal-billing.ts";
import { PORTAL_INVOICES } from "./portal-invoices.ts";
import { PORTAL_KEYS } from "./portal-keys.ts";
import { PORTAL_PAGES } from "./portal-pages.ts";
import { PORTAL_SESSIONS } from "./portal-sessions.ts";

export const PORTAL_CONTRACT = {
  ...PORTAL_SESSIONS,
  ...PORTAL_ACCOUNT,
  ...PORTAL_BILLING,
  ...PORTAL_INVOICES,
  ...PORTAL_KEYS,
  ...PORTAL_PAGES,
};

/** The same endpoints with their paths as Hono takes them. */
export const PORTAL_ROUTES = routesOf<PortalAccess>(PORTAL_CONTRACT);
