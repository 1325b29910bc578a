/** What callers and other services use, and what describes it. */
import { batchSchema, operationSchema } from "../schemas.ts";
import { LIMIT, type Endpoint } from "./endpoint.ts";

/** What the caller and other services use. */
export const CALLER = {
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
export const DOCUMENTATION = {
  openapi: {
    method: "GET",
    path: "/api/v1/openapi.json",
    access: "none",
    summary: "This document: the API as OpenAPI 3.1",
  },
  docs: { method: "GET", path: "/docs", access: "none", summary: "The API as a page to read and to try" },
  docsFile: { method: "GET", path: "/docs/:file", access: "none", summary: "What the page is made of" },
} as const satisfies Record<string, Endpoint>;
