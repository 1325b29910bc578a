/** Mounts the contract: each endpoint with its access and its handler, and 405 for the other methods of its path. */
import type { Context, Hono } from "hono";
import type { AppEnv } from "../edge/app-env.ts";
import { honoApp } from "../edge/hono-app.ts";
import { problem } from "../edge/problem.ts";
import { withCors, withPolicy } from "../edge/steps.ts";
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
} from "./accounts/accounts.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "./accounts/keys.ts";
import {
  activateRevision,
  getPolicy,
  getRevision,
  listRevisions,
  putPolicy,
  validatePolicy,
} from "./policies/policies.ts";
import { rebuildDirectory } from "./accounts/rebuild.ts";
import { live } from "./reports/live.ts";
import { getReport } from "./reports/reports.ts";
import { simulate } from "./policies/simulate.ts";
import { createSession, deleteSession, getSession } from "./session/session.ts";
import { getAudit, getUsage } from "./accounts/usage.ts";
import { CONTRACT, type Endpoint, type EndpointId } from "./contract.ts";
import { check, checkBatch, status } from "./decisions/decision-api.ts";
import { dashboard, dashboardFile, dashboardScreen } from "./dashboard.ts";
import { docs, docsFile, openapi } from "./docs.ts";
import { health, ready } from "./health.ts";
import { metrics } from "./reports/metrics.ts";

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
