/**
 * The customers' page and its files, served only if the policy has a portal. The page is the same for everyone and contains no data: its
 * calls to the portal's API need a session. No site may frame it, and it sends no referrer.
 */
import type { Endpoints } from "../endpoint.ts";
import { pageAt } from "../pages/page.ts";

const { page, screen, file } = pageAt("/portal");

export const PORTAL_PAGES = {
  portalPage: { method: "GET", path: "/portal", access: "none", handler: page },
  portalHome: { method: "GET", path: "/portal/", access: "none", handler: page },
  portalScreen: { method: "GET", path: "/portal/:screen", access: "none", handler: screen },
  portalFile: { method: "GET", path: "/portal/assets/:asset", access: "none", handler: file },
} as const satisfies Endpoints;
