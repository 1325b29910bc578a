/** Mounts endpoints: each with its access and its handler, and 405 for the other methods of its path. */
import type { Hono, MiddlewareHandler } from "hono";
import type { AppEnv } from "../edge/app-env.ts";
import { honoApp } from "../edge/hono-app.ts";
import { problem, unhandled } from "../edge/problem.ts";
import type { Services } from "../edge/services.ts";
import { messageOf } from "../log.ts";
import { RESERVED_TREES } from "../policy/route-table.ts";
import type { Access, Endpoint } from "./endpoint.ts";
import { recordError } from "./record-error.ts";

/**
 * For a year, browsers use https for this host, even for http links. Without includeSubDomains: subdomains may not be ours. On reserved
 * paths only: elsewhere the upstream decides for the host.
 */
const STRICT_TRANSPORT = "max-age=31536000";

/**
 * An app for reserved paths, with these endpoints. The caller adds other paths, and then {@link withNotFound}.
 * @param mountFirst adds what must come before the endpoints and their 405 responses.
 * @param trees the reserved paths that it answers for.
 */
export function api<A extends Access>(
  services: Services,
  endpoints: Readonly<Record<string, Endpoint<A>>>,
  access: Readonly<Record<A, MiddlewareHandler<AppEnv>[]>>,
  mountFirst: (app: Hono<AppEnv>) => void,
  trees: readonly string[] = RESERVED_TREES,
): Hono<AppEnv> {
  const app = honoApp<AppEnv>();
  app.onError((thrown, c) => {
    // Unset if the first middleware failed.
    const requestId = c.get("requestId") ?? crypto.randomUUID();
    services.log("error", "unhandled", { requestId, error: messageOf(thrown) });
    return unhandled(requestId);
  });
  for (const path of trees) {
    app.use(path, async (c, next) => {
      c.set("services", services);
      c.set("requestId", crypto.randomUUID());
      await next();
      if (c.res.status >= 400) await recordError(c);
      setOwnHeaders(c.res, c.req.url, c.var.requestId);
    });
  }
  mountFirst(app);
  mount(app, endpoints, access);
  return app;
}

/** Responds 404 to the reserved paths that no endpoint has. */
export function withNotFound(app: Hono<AppEnv>, trees: readonly string[] = RESERVED_TREES): Hono<AppEnv> {
  for (const path of trees) {
    app.all(path, (c) =>
      problem("not_found", "This path does not exist. See /docs for the API.", c.var.requestId),
    );
  }
  return app;
}

function mount<A extends Access>(
  app: Hono<AppEnv>,
  endpoints: Readonly<Record<string, Endpoint<A>>>,
  access: Readonly<Record<A, MiddlewareHandler<AppEnv>[]>>,
): void {
  const methods = new Map<string, readonly string[]>();
  for (const { method, path, access: needed, handler } of Object.values(endpoints)) {
    app.on(method, [path], ...access[needed], handler);
    // Hono answers HEAD wherever it answers GET.
    const taken = method === "GET" ? ["GET", "HEAD"] : [method];
    methods.set(path, [...(methods.get(path) ?? []), ...taken]);
  }
  for (const path of methods.keys()) {
    app.all(path, (c) => {
      const allowed = [...methods].flatMap(([other, own]) => (covers(other, path) ? own : []));
      const Allow = [...new Set(allowed)].join(", ");
      return problem("method_not_allowed", `This path takes ${Allow}.`, c.var.requestId, {
        headers: { Allow },
      });
    });
  }
}

/** Whether all requests for this path also match the pattern: `/accounts/:id` covers `/accounts/import`. */
function covers(pattern: string, path: string): boolean {
  const [parts, segments] = [pattern.split("/"), path.split("/")];
  const isCovered = (part: string, i: number): boolean => part === segments[i] || /^:\w+$/.test(part);
  return parts.length === segments.length && parts.every(isCovered);
}

/** Sets the headers of every response under a reserved path. Problems of the gateway get the first from problem.ts. */
function setOwnHeaders({ headers, webSocket }: Response, url: string, requestId: string): void {
  if (webSocket) return;
  // Problems have it, and so do answers of the admin API, which is an app of its own.
  if (!headers.has("X-Request-Id")) headers.set("X-Request-Id", requestId);
  headers.set("X-Content-Type-Options", "nosniff");
  if (url.startsWith("https:")) headers.set("Strict-Transport-Security", STRICT_TRANSPORT);
}
