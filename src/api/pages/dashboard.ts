/**
 * The dashboard's page and its files. The page is the same for everyone and contains no data, so it needs no session: its calls to the
 * admin API do.
 */
import type { Endpoints } from "../endpoint.ts";
import { pageAt } from "./page.ts";

const { page, screen, file } = pageAt("/dashboard");

export const DASHBOARD = {
  dashboard: { method: "GET", path: "/dashboard", access: "none", handler: page },
  dashboardHome: { method: "GET", path: "/dashboard/", access: "none", handler: page },
  dashboardScreen: { method: "GET", path: "/dashboard/:screen", access: "none", handler: screen },
  dashboardFile: { method: "GET", path: "/dashboard/assets/:asset", access: "none", handler: file },
} as const satisfies Endpoints;
