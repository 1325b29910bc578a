/** Mounts the contract: each endpoint with its access and its handler, and 405 for the other methods of its path. */
import type { Context, Hono } from "hono";
import type { AppEnv } from "../gateway/app-env.ts";
import { honoApp } from "../gateway/hono-app.ts";
import { problem } from "../gateway/problem.ts";
import { withCors, withPolicy } from "../gateway/steps.ts";
import { ACCESS } from "./access.ts";
import {
  changeAccount,
  createAccount,
  deleteAccount,
  getAccount,
  getAccountStatus,
  grantExtra,
  listAccounts,
  resetAccount,
} from "./admin/accounts.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "./admin/keys.ts";
import {
  activateRevision,
  getPolicy,
  getRevision,
  listRevisions,
  putPolicy,
  validatePolicy,
} from "./admin/policies.ts";
import { rebuildDirectory } from "./admin/rebuild.ts";
import { live } from "./admin/live.ts";
import { getReport } from "./admin/reports.ts";
import { simulate } from "./admin/simulate.ts";
import { createSession, deleteSession, getSession } from "./admin/session.ts";
import { getAudit, getUsage } from "./admin/usage.ts";
import { CONTRACT, type Endpoint, type EndpointId } from "./contract.ts";
import { check, checkBatch, status } from "./decision-api.ts";
import { dashboard, dashboardFile, dashboardScreen } from "./dashboard.ts";
import { docs, docsFile, openapi } from "./docs.ts";
import { health, ready } from "./health.ts";
import { metrics } from "./metrics.ts";

type Handler = (c: Context<AppEnv>) => Response | Promise<Response>;

const HANDLERS: Record<EndpointId, Handler> = {
  health,
  ready,
  status,
  check,
  checkBatch,
  metrics,
  openapi,
  docs,
  docsFile,
  dashboard,
  dashboardHome: dashboard,
  dashboardScreen,
  dashboardFile,
  createSession,
  getSession,
  deleteSession,
  getPolicy,
  putPolicy,
  validatePolicy,
  simulatePolicy: simulate,
  listRevisions,
  getRevision,
  activateRevision,
  createAccount,
  listAccounts,
  getAccount,
  changeAccount,
  deleteAccount,
  grantExtra,
  resetAccount,
  getAccountStatus,
  getUsage,
  getAudit,
  rebuildDirectory,
  createKey,
  listKeys,
  rotateKey,
  revokeKey,
  getReport,
  adminMetrics: metrics,
  live,
};

/** Everything under the reserved paths that the contract names. */
export function api(): Hono<AppEnv> {
  const app = honoApp<AppEnv>();
  const methods = new Map<string, string[]>();
  for (const id of Object.keys(CONTRACT).filter(isEndpointId)) {
    const endpoint: Endpoint = CONTRACT[id];
    app.on(endpoint.method, [endpoint.path], ...ACCESS[endpoint.access], HANDLERS[id]);
    // A browser asks first, without the credential.
    if (endpoint.access === "caller") app.options(endpoint.path, withPolicy, withCors);
    // Hono answers HEAD wherever it answers GET.
    const taken = endpoint.method === "GET" ? ["GET", "HEAD"] : [endpoint.method];
    methods.set(endpoint.path, [...(methods.get(endpoint.path) ?? []), ...taken]);
  }
  for (const [path, allow] of methods) {
    const Allow = allow.join(", ");
    app.all(path, (c) =>
      problem("method_not_allowed", `This path takes ${Allow}.`, c.var.requestId, { headers: { Allow } }),
    );
  }
  return app;
}

function isEndpointId(id: string): id is EndpointId {
  return Object.hasOwn(CONTRACT, id);
}
