/** The app of every isolate: the endpoints for callers. It loads the others when the first request for one of them arrives. */
import type { Context, ExecutionContext, Hono } from "hono";
import type { AppEnv } from "../edge/app-env.ts";
import type { Services } from "../edge/services.ts";
import { withCors, withPolicy } from "../edge/steps.ts";
import { PORTAL_TREE } from "../policy/route-table.ts";
import { api, withNotFound } from "./api.ts";
import { CALLER_ACCESS } from "./caller-access.ts";
import { CALLER_CONTRACT } from "./caller-contract.ts";
import { ADMIN_PATHS, type CallerAccess, type Endpoint, PORTAL_PATHS, PROXY_PATHS } from "./endpoint.ts";

/** Handles requests. */
export interface App {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
}

/** Make the apps that few isolates need. Each is called until a call succeeds, and then no more. */
export type Loaders = Readonly<Record<"admin" | "portal" | "proxies", () => Promise<App>>>;

/** @param toGateway handles the paths of the portal if the policy in force has none. */
export function callerApp(
  services: Services,
  load: Loaders,
  toGateway: (c: Context<AppEnv>) => Promise<Response>,
): Hono<AppEnv> {
  const endpoints: Readonly<Record<string, Endpoint<CallerAccess>>> = CALLER_CONTRACT;
  const app = api(services, endpoints, CALLER_ACCESS, (first) => {
    for (const { path, access } of Object.values(endpoints)) {
      // A browser sends its preflight without the credential.
      if (access === "caller") first.options(path, withPolicy, withCors);
    }
  });
  mountLoaded(app, ADMIN_PATHS, load.admin);
  mountLoaded(app, PROXY_PATHS, load.proxies);
  app.all(PORTAL_TREE, async (c, next) => {
    const policy = await services.policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work));
    return policy?.billing?.portal === undefined ? toGateway(c) : next();
  });
  mountLoaded(app, [...PORTAL_PATHS, PORTAL_TREE], load.portal);
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
