/** What callers and other services use, and what describes it. */
import { batchSchema, operationSchema } from "../schemas.ts";
import { LIMIT, type Endpoint } from "../endpoint.ts";

/** What the caller and other services use. */
export const CALLER = {
  health: { method: "GET", path: "/health", access: "none" },
  ready: { method: "GET", path: "/ready", access: "none" },
  status: {
    method: "GET",
    path: `${LIMIT}/status`,
    access: "caller",
  },
  check: {
    method: "POST",
    path: `${LIMIT}/check`,
    access: "check",
    body: operationSchema,
  },
  checkBatch: {
    method: "POST",
    path: `${LIMIT}/check/batch`,
    access: "check",
    body: batchSchema,
  },
  metrics: {
    method: "GET",
    path: `${LIMIT}/metrics`,
    access: "viewer",
  },
} as const satisfies Record<string, Endpoint>;

/** The contract itself. */
export const DOCUMENTATION = {
  openapi: {
    method: "GET",
    path: "/api/v1/openapi.json",
    access: "none",
  },
  docs: { method: "GET", path: "/docs", access: "none" },
  docsFile: { method: "GET", path: "/docs/:file", access: "none" },
} as const satisfies Record<string, Endpoint>;
