/** The Worker's request handling: a Hono app for the reserved paths, the gateway for all others. */
import type { Hono } from "hono";
import { api } from "./api/api.ts";
import type { AppEnv } from "./edge/app-env.ts";
import { type Fetch, gateway, unhandled } from "./gateway/gateway.ts";
import { honoApp } from "./edge/hono-app.ts";
import { problem } from "./edge/problem.ts";
import type { Services } from "./edge/services.ts";
import { pathnameOf } from "./edge/url-parts.ts";
import { messageOf } from "./log.ts";
import { isReserved, RESERVED_TREES } from "./policy/route-table.ts";

/**
 * For a year, browsers use https for this host, even for http links. Without includeSubDomains: subdomains may not be ours. On reserved
 * paths only: elsewhere the upstream decides for the host.
 */
const STRICT_TRANSPORT = "max-age=31536000";

/** Handles a Worker's requests. */
export interface App {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
}

/** Builds the app once per isolate. */
export function createApp(services: Services): App {
  const handle = gateway(services);
  const reserved = reservedPaths(services, handle);
  return {
    fetch(request, env, ctx) {
      const path = pathnameOf(request.url);
      // Hono decides whether an encoded path is another spelling of a reserved one.
      const mayBeReserved = isReserved(path) || path.includes("%");
      return mayBeReserved ? reserved.fetch(request, env, ctx) : handle(request, env, ctx);
    },
  };
}

function reservedPaths(services: Services, handle: Fetch): Hono<AppEnv> {
  const app = honoApp<AppEnv>();
  app.onError((thrown, c) => {
    // Unset if the first middleware failed.
    const requestId = c.get("requestId") ?? crypto.randomUUID();
    services.log("error", "unhandled", { requestId, error: messageOf(thrown) });
    return unhandled(requestId);
  });
  for (const path of RESERVED_TREES) {
    app.use(path, async (c, next) => {
      c.set("services", services);
      c.set("requestId", crypto.randomUUID());
      await next();
      setOwnHeaders(c.res, c.req.url);
    });
  }
  app.route("/", api());
  for (const path of RESERVED_TREES) {
    app.all(path, (c) =>
      problem("not_found", "This path does not exist. See /docs for the API.", c.var.requestId),
    );
  }
  return app.all("*", (c) => handle(c.req.raw, c.env, c.executionCtx));
}

/** Sets the headers of every response under a reserved path. Problems of the gateway get the first from problem.ts. */
function setOwnHeaders({ headers, webSocket }: Response, url: string): void {
  if (webSocket) return;
  headers.set("X-Content-Type-Options", "nosniff");
  if (url.startsWith("https:")) headers.set("Strict-Transport-Security", STRICT_TRANSPORT);
}
