/** The dashboard: its files, its sessions, and what it shows. */
import { liveQuery, newSessionSchema, reportQuery } from "../schemas.ts";
import { ADMIN, type Endpoint } from "./endpoint.ts";

/** The page that operators keep open. */
export const DASHBOARD = {
  dashboard: { method: "GET", path: "/dashboard", access: "none", summary: "The dashboard" },
  dashboardHome: { method: "GET", path: "/dashboard/", access: "none", summary: "The dashboard, too" },
  dashboardScreen: {
    method: "GET",
    path: "/dashboard/:screen",
    access: "none",
    summary: "The dashboard, at one of its screens",
  },
  dashboardFile: {
    method: "GET",
    path: "/dashboard/assets/:asset",
    access: "none",
    summary: "What the dashboard is made of",
  },
} as const satisfies Record<string, Endpoint>;

export const SESSIONS = {
  createSession: {
    method: "POST",
    path: `${ADMIN}/session`,
    // The admin token is in the body.
    access: "none",
    summary: "Log in with an admin token: sets the dashboard's cookie",
    body: newSessionSchema,
  },
  getSession: {
    method: "GET",
    path: `${ADMIN}/session`,
    access: "viewer",
    summary: "Who is logged in, in which role",
  },
  deleteSession: {
    method: "DELETE",
    path: `${ADMIN}/session`,
    access: "none",
    summary: "Log out: removes the dashboard's cookie",
  },
} as const satisfies Record<string, Endpoint>;

export const REPORTS = {
  getReport: {
    method: "GET",
    path: `${ADMIN}/reports/:name`,
    access: "viewer",
    summary: "A report of the decisions that were made",
    query: reportQuery,
  },
  adminMetrics: {
    method: "GET",
    // The session's cookie is sent below here only.
    path: `${ADMIN}/metrics`,
    access: "viewer",
    summary: "The metrics, for the dashboard",
  },
  live: {
    method: "GET",
    path: `${ADMIN}/live`,
    access: "viewer",
    summary: "Decisions as they are made, over a WebSocket",
    query: liveQuery,
  },
} as const satisfies Record<string, Endpoint>;
