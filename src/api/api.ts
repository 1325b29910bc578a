/** Mounts the contract: each endpoint with its access and its handler, and 405 for the other methods of its path. */
import type { Hono } from "hono";
import type { AppEnv } from "../edge/app-env.ts";
import { honoApp } from "../edge/hono-app.ts";
import { problem } from "../edge/problem.ts";
import { withCors, withPolicy } from "../edge/steps.ts";
import { ACCESS } from "./access.ts";
import { CONTRACT } from "./contract.ts";
import type { Endpoint } from "./endpoint.ts";

/** Every endpoint of the contract. Other paths are the caller's to answer. */
export function api(): Hono<AppEnv> {
  const app = honoApp<AppEnv>();
  const methods = new Map<string, string[]>();
  for (const { method, path, access, handler } of Object.values<Endpoint>(CONTRACT)) {
    app.on(method, [path], ...ACCESS[access], handler);
    // A browser sends its preflight without the credential.
    if (access === "caller") app.options(path, withPolicy, withCors);
    // Hono answers HEAD wherever it answers GET.
    const taken = method === "GET" ? ["GET", "HEAD"] : [method];
    methods.set(path, [...(methods.get(path) ?? []), ...taken]);
  }
  for (const [path, allow] of methods) {
    const Allow = allow.join(", ");
    app.all(path, (c) =>
      problem("method_not_allowed", `This path takes ${Allow}.`, c.var.requestId, { headers: { Allow } }),
    );
  }
  return app;
}
