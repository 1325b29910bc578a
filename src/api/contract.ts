/**
 * The API as data: every endpoint with its method, path, who may call it and what it takes. Routing, authentication,
 * "method not allowed" and docs/openapi.json all come from this table; what endpoints answer is in openapi/responses.ts.
 */
import type * as z from "zod/mini";
import type { Role } from "../identity/admin/role.ts";
import {
  accountChangeSchema,
  accountsQuery,
  activationSchema,
  batchSchema,
  liveQuery,
  newAccountSchema,
  newGrantSchema,
  newKeySchema,
  newSessionSchema,
  operationSchema,
  pageQuery,
  policyChangeSchema,
  policyCheckSchema,
  reasonQuery,
  rebuildQuery,
  reportQuery,
  resetSchema,
  rotationSchema,
  simulationSchema,
  usageQuery,
} from "./schemas.ts";

/**
 * - `none`: anybody.
 * - `caller`: whoever may call the gateway: a key, a token or an address.
 * - `check`: a key with the scope `check`, in good standing.
 * - `viewer`, `operator`, `admin`: an administrator of that role or a higher one (src/identity/admin/role.ts).
 */
export type Access = "none" | "caller" | "check" | Role;

export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Hono's syntax: `:name` is a parameter. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  /** The body's schema, for those that take one. */
  readonly body?: z.ZodMiniType;
  /** The query's schema; the others take no parameters. */
  readonly query?: z.ZodMiniType;
  /** Whether the change is made against an ETag. */
  readonly ifMatch?: "required" | "optional";
}

const LIMIT = "/api/v1/rate-limit";
const ADMIN = "/api/v1/admin";
const ACCOUNT = `${ADMIN}/accounts/:id`;

/** What the caller and other services use. */
const CALLER = {
  health: { method: "GET", path: "/health", access: "none", summary: "Whether the Worker is healthy" },
  ready: { method: "GET", path: "/ready", access: "none", summary: "Whether the limiter answers" },
  status: {
    method: "GET",
    path: `${LIMIT}/status`,
    access: "caller",
    summary: "The caller's limits and usage",
  },
  check: {
    method: "POST",
    path: `${LIMIT}/check`,
    access: "check",
    summary: "May this user do this?",
    body: operationSchema,
  },
  checkBatch: {
    method: "POST",
    path: `${LIMIT}/check/batch`,
    access: "check",
    summary: "Up to 1,000 checks, as a JSON array or NDJSON",
    body: batchSchema,
  },
  metrics: {
    method: "GET",
    path: `${LIMIT}/metrics`,
    access: "viewer",
    summary: "Metrics, for Prometheus",
  },
} as const satisfies Record<string, Endpoint>;

/** The contract itself. */
const DOCUMENTATION = {
  openapi: {
    method: "GET",
    path: "/api/v1/openapi.json",
    access: "none",
    summary: "This document: the API as OpenAPI 3.1",
  },
  docs: { method: "GET", path: "/docs", access: "none", summary: "The API as a page to read and to try" },
  docsFile: { method: "GET", path: "/docs/:file", access: "none", summary: "What the page is made of" },
} as const satisfies Record<string, Endpoint>;

/** The page that operators keep open. */
const DASHBOARD = {
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

const SESSIONS = {
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

const POLICIES = {
  getPolicy: { method: "GET", path: `${ADMIN}/policy`, access: "viewer", summary: "The policy in force" },
  putPolicy: {
    method: "PUT",
    path: `${ADMIN}/policy`,
    access: "admin",
    summary: "Put a policy into force, if nobody else was faster",
    body: policyChangeSchema,
    ifMatch: "required",
  },
  validatePolicy: {
    method: "POST",
    path: `${ADMIN}/policy/validate`,
    access: "viewer",
    summary: "Every fault of a policy, with nothing changed",
    body: policyCheckSchema,
  },
  simulatePolicy: {
    method: "POST",
    path: `${ADMIN}/simulate`,
    access: "viewer",
    summary: "Who would have been denied or let in by a policy that is not in force",
    body: simulationSchema,
  },
  listRevisions: {
    method: "GET",
    path: `${ADMIN}/policy/revisions`,
    access: "viewer",
    summary: "All revisions, newest first",
    query: pageQuery,
  },
  getRevision: {
    method: "GET",
    path: `${ADMIN}/policy/revisions/:n`,
    access: "viewer",
    summary: "One revision with its document",
  },
  activateRevision: {
    method: "POST",
    path: `${ADMIN}/policy/revisions/:n/activate`,
    access: "admin",
    summary: "Bring an earlier revision back, as a new one",
    body: activationSchema,
    ifMatch: "optional",
  },
} as const satisfies Record<string, Endpoint>;

const ACCOUNTS = {
  createAccount: {
    method: "POST",
    path: `${ADMIN}/accounts`,
    access: "operator",
    summary: "Create an account",
    body: newAccountSchema,
  },
  listAccounts: {
    method: "GET",
    path: `${ADMIN}/accounts`,
    access: "viewer",
    summary: "List accounts by tier, status or name",
    query: accountsQuery,
  },
  getAccount: { method: "GET", path: ACCOUNT, access: "viewer", summary: "Read an account" },
  changeAccount: {
    method: "PATCH",
    path: ACCOUNT,
    access: "operator",
    summary: "Change an account's tier, status, limits or name",
    body: accountChangeSchema,
  },
  deleteAccount: {
    method: "DELETE",
    path: ACCOUNT,
    access: "admin",
    summary: "Delete an account: its keys stop at once, its ledger is kept",
    query: reasonQuery,
  },
  grantExtra: {
    method: "POST",
    path: `${ACCOUNT}/grants`,
    access: "operator",
    summary: "Grant extra capacity of a limit until a time",
    body: newGrantSchema,
  },
  resetAccount: {
    method: "POST",
    path: `${ACCOUNT}/reset`,
    access: "operator",
    summary: "Forget what was spent of an account's limits",
    body: resetSchema,
  },
  getAccountStatus: {
    method: "GET",
    path: `${ACCOUNT}/status`,
    access: "viewer",
    summary: "A user's limits and usage as they stand now",
  },
  getUsage: {
    method: "GET",
    path: `${ACCOUNT}/usage`,
    access: "viewer",
    summary: "Exact usage by hour, day or month, also by route or as CSV",
    query: usageQuery,
  },
  getAudit: {
    method: "GET",
    path: `${ACCOUNT}/audit`,
    access: "viewer",
    summary: "Who changed the account, when and why, newest first",
    query: pageQuery,
  },
  rebuildDirectory: {
    method: "POST",
    path: `${ADMIN}/directory/rebuild`,
    access: "admin",
    summary: "Rebuild the list of accounts from the accounts themselves, a page at a time",
    query: rebuildQuery,
  },
} as const satisfies Record<string, Endpoint>;

const KEYS = {
  createKey: {
    method: "POST",
    path: `${ACCOUNT}/keys`,
    access: "operator",
    summary: "Issue an API key; it is shown once",
    body: newKeySchema,
  },
  listKeys: { method: "GET", path: `${ACCOUNT}/keys`, access: "viewer", summary: "List an account's keys" },
  rotateKey: {
    method: "POST",
    path: `${ACCOUNT}/keys/:keyId/rotate`,
    access: "operator",
    summary: "Put a new key in another's place; the old one works for a grace period",
    body: rotationSchema,
  },
  revokeKey: {
    method: "DELETE",
    path: `${ACCOUNT}/keys/:keyId`,
    access: "operator",
    summary: "Revoke an API key at once",
    query: reasonQuery,
  },
} as const satisfies Record<string, Endpoint>;

const REPORTS = {
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

export const CONTRACT = {
  ...CALLER,
  ...DOCUMENTATION,
  ...DASHBOARD,
  ...SESSIONS,
  ...POLICIES,
  ...ACCOUNTS,
  ...KEYS,
  ...REPORTS,
};

export type EndpointId = keyof typeof CONTRACT;
