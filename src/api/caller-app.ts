/** The app of every isolate: the endpoints for callers. It loads the others when the first request for one of them arrives. */
import type { ExecutionContext, Hono } from "hono";
import type { AppEnv } from "../edge/app-env.ts";
import type { Services } from "../edge/services.ts";
import { withCors, withPolicy } from "../edge/steps.ts";
import { api, withNotFound } from "./api.ts";
import { CALLER_ACCESS } from "./caller-access.ts";
import { CALLER_CONTRACT } from "./caller-contract.ts";
import { ADMIN_PATHS, type CallerAccess, type Endpoint, PROXY_PATHS } from "./endpoint.ts";

/** Handles requests. */
export interface App {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
}

/**
 * @param loadAdmin makes the admin API's app. Called until a call succeeds, and then no more.
 * @param loadProxies the same for the endpoints that proxies call.
 */
export function callerApp(
  services: Services,
  loadAdmin: () => Promise<App>,
  loadProxies: () => Promise<App>,
): Hono<AppEnv> {
  const endpoints: Readonly<Record<string, Endpoint<CallerAccess>>> = CALLER_CONTRACT;
  const app = api(services, endpoints, CALLER_ACCESS, (first) => {
    for (const { path, access } of Object.values(endpoints)) {
      // A browser sends its preflight without the credential.
      if (access === "caller") first.options(path, withPolicy, withCors);
    }
  });
  mountLoaded(app, ADMIN_PATHS, loadAdmin);
  mountLoaded(app, PROXY_PATHS, loadProxies);
  return withNotFound(app);
}

/** Mounts an app that is loaded with the first request for one of its paths. */
function mountLoaded(app: Hono<AppEnv>, paths: readonly string[], load: () => Promise<App>): void {
  // The app, not its promise: a promise of another request may never settle.
  let known: App | null = null;
  for (const path of paths) {
    app.all(path, async (c) => {
      const loaded = known ?? (await load());
      known ??= loaded;
      // It records its own errors.
      c.set("isRecorded", true);
      return known.fetch(c.req.raw, c.env, c.executionCtx);
    });
  }
}
