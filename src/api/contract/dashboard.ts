/** The dashboard: its files, its sessions, and what it shows. */
import { liveQuery, newSessionSchema, reportQuery } from "../schemas.ts";
import { ADMIN, type Endpoint } from "../endpoint.ts";

/** The page that operators keep open. */
export const DASHBOARD = {
  dashboard: { method: "GET", path: "/dashboard", access: "none" },
  dashboardHome: { method: "GET", path: "/dashboard/", access: "none" },
  dashboardScreen: {
    method: "GET",
    path: "/dashboard/:screen",
    access: "none",
  },
  dashboardFile: {
    method: "GET",
    path: "/dashboard/assets/:asset",
    access: "none",
  },
} as const satisfies Record<string, Endpoint>;

export const SESSIONS = {
  createSession: {
    method: "POST",
    path: `${ADMIN}/session`,
    // The admin token is in the body.
    access: "none",
    body: newSessionSchema,
  },
  getSession: {
    method: "GET",
    path: `${ADMIN}/session`,
    access: "viewer",
  },
  deleteSession: {
    method: "DELETE",
    path: `${ADMIN}/session`,
    access: "none",
  },
} as const satisfies Record<string, Endpoint>;

export const REPORTS = {
  getReport: {
    method: "GET",
    path: `${ADMIN}/reports/:name`,
    access: "viewer",
    query: reportQuery,
  },
  adminMetrics: {
    method: "GET",
    // The session's cookie is sent below here only.
    path: `${ADMIN}/metrics`,
    access: "viewer",
  },
  live: {
    method: "GET",
    path: `${ADMIN}/live`,
    access: "viewer",
    query: liveQuery,
  },
} as const satisfies Record<string, Endpoint>;
