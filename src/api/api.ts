/** Mounts the contract: each endpoint with its access and its handler, and 405 for the other methods of its path. */
import { type Context, Hono } from "hono";
import type { AppEnv } from "../gateway/app-env.ts";
import { problem } from "../gateway/problem.ts";
import { withCors, withPolicy } from "../gateway/steps.ts";
import { ACCESS } from "./access.ts";
import { changeAccount, createAccount, createKey, getAccount, listKeys, revokeKey } from "./accounts.ts";
import { CONTRACT, type Endpoint, type EndpointId } from "./contract.ts";
import { check, checkBatch, status } from "./decision-api.ts";
import { health, ready } from "./health.ts";

type Handler = (c: Context<AppEnv>) => Response | Promise<Response>;

const HANDLERS: Record<EndpointId, Handler> = {
  health,
  ready,
  status,
  check,
  checkBatch,
  createAccount,
  getAccount,
  changeAccount,
  createKey,
  listKeys,
  revokeKey,
};

/** Everything under the reserved paths that the contract names. */
export function api(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const methods = new Map<string, string[]>();
  for (const id of Object.keys(CONTRACT).filter(isEndpointId)) {
    const endpoint: Endpoint = CONTRACT[id];
    app.on(endpoint.method, [endpoint.path], ...ACCESS[endpoint.access], HANDLERS[id]);
    // A browser asks first, without the credential.
    if (endpoint.access === "caller") app.options(endpoint.path, withPolicy, withCors);
    methods.set(endpoint.path, [...(methods.get(endpoint.path) ?? []), endpoint.method]);
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
