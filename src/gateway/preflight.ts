/**
 * Preflights of a policy without `cors` (Fetch standard, CORS protocol): the upstream answers them. They are not charged, so only what a
 * browser sends counts as one: without content and without a credential.
 */
import { isPreflight } from "../edge/cors.ts";
import { METHODS, type RouteMatch, type RouteTable } from "../policy/route-table.ts";

const CREDENTIALS = ["Authorization", "X-API-Key", "Cookie"];

export function isUpstreamPreflight(request: Request): boolean {
  return (
    isPreflight(request) &&
    request.headers.has("Origin") &&
    request.body === null &&
    !CREDENTIALS.some((name) => request.headers.has(name))
  );
}

/** The route of the request that the preflight is for, unless a route names OPTIONS itself. */
export function preflightMatch(routes: RouteTable, headers: Headers, path: string): RouteMatch {
  const own = routes.match("OPTIONS", path);
  if (own.kind === "route" && own.route.methods !== null) return own;
  const method = headers.get("Access-Control-Request-Method") ?? "";
  // Any other method, however long, would only fill the memory of recent paths.
  const match = METHODS.includes(method) ? routes.match(method, path) : own;
  return match.kind === "route" ? match : own;
}
