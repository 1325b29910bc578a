/**
 * The API as data: every endpoint with its method, path, who may call it and what it takes. Routing, authentication,
 * "method not allowed" and (from the next version on) the OpenAPI document come from this table.
 */
import type * as z from "zod/mini";
import {
  accountChangeSchema,
  batchSchema,
  newAccountSchema,
  newKeySchema,
  operationSchema,
} from "./schemas.ts";

/**
 * - `none`: anybody.
 * - `caller`: whoever may call the gateway: a key, a token or an address.
 * - `check`: a key with the scope `check`, in good standing.
 * - `admin`: the admin token.
 */
export type Access = "none" | "caller" | "check" | "admin";

export interface Endpoint {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Hono's syntax: `:name` is a parameter. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  /** The body's schema, for those that take one. */
  readonly body?: z.ZodMiniType;
}

const LIMIT = "/api/v1/rate-limit";
const ACCOUNTS = "/api/v1/admin/accounts";

export const CONTRACT = {
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
  createAccount: {
    method: "POST",
    path: ACCOUNTS,
    access: "admin",
    summary: "Create an account",
    body: newAccountSchema,
  },
  getAccount: { method: "GET", path: `${ACCOUNTS}/:id`, access: "admin", summary: "Read an account" },
  changeAccount: {
    method: "PATCH",
    path: `${ACCOUNTS}/:id`,
    access: "admin",
    summary: "Change an account's tier, status or name",
    body: accountChangeSchema,
  },
  createKey: {
    method: "POST",
    path: `${ACCOUNTS}/:id/keys`,
    access: "admin",
    summary: "Issue an API key; it is shown once",
    body: newKeySchema,
  },
  listKeys: {
    method: "GET",
    path: `${ACCOUNTS}/:id/keys`,
    access: "admin",
    summary: "List an account's keys",
  },
  revokeKey: {
    method: "DELETE",
    path: `${ACCOUNTS}/:id/keys/:keyId`,
    access: "admin",
    summary: "Revoke an API key at once",
  },
} as const satisfies Record<string, Endpoint>;

export type EndpointId = keyof typeof CONTRACT;
