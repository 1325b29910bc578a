/** What the contract declares of an endpoint, and the paths that endpoints share. */
import type { Context } from "hono";
import type * as z from "zod/mini";
import type { AppEnv } from "../edge/app-env.ts";
import type { Role } from "../identity/admin/role.ts";

/**
 * - `none`: anyone.
 * - `caller`: any caller of the gateway, identified by a key, a token or an address.
 * - `check`: a valid key with the scope `check`, of an account that is not blocked.
 * - `proxy`: the same key in `X-Edge-Limiter-Key`, since the other headers are those of a proxy's client.
 * - `portal`: a customer with a session of the portal. `portal-link`: with one that an operator's link has opened.
 * - `viewer`, `operator`, `admin`: an administrator with that role or a higher one (src/identity/admin/role.ts).
 */
export type Access = CallerAccess | ProxyAccess | PortalAccess | AdminAccess;
export type CallerAccess = "none" | "caller" | "check";
export type ProxyAccess = "proxy";
export type PortalAccess = "none" | "portal" | "portal-link";
export type AdminAccess = "none" | Role;

export interface Endpoint<A extends Access = Access> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** It takes every method, and every path below its own. */
  readonly isTree?: true;
  /** Hono's syntax: `:name` is a parameter. */
  readonly path: string;
  readonly access: A;
  /** The schema of the body, if the endpoint takes one. */
  readonly body?: z.ZodMiniType;
  /** The body is NDJSON, of which each line is parsed by itself: there is no error of the whole body. */
  readonly isLines?: true;
  /** The schema of the query. Without it, the endpoint takes no parameters. */
  readonly query?: z.ZodMiniType;
  /** Whether a change requires or accepts If-Match. */
  readonly ifMatch?: "required" | "optional";
  /** Whether the same call with the same Idempotency-Key is made once. */
  readonly idempotent?: true;
  /** Parses the body and the query itself, by the schemas above. */
  readonly handler: (c: Context<AppEnv>) => Response | Promise<Response>;
}

/** The endpoints of one resource, by operation id. */
export type Endpoints = Readonly<Record<string, Endpoint>>;

export const LIMIT = "/api/v1/rate-limit";
export const ADMIN = "/api/v1/admin";
/** Documents that are opened by a link. */
export const LINKED = "/api/v1/invoices";
/** The paths of all endpoints for administrators, and of others that few isolates need, in Hono's syntax. */
export const ADMIN_PATHS = [`${ADMIN}/*`, `${LIMIT}/metrics`, `${LINKED}/*`] as const;
/** What proxies in front of an API ask. */
export const AUTHORIZE = "/api/v1/authorize";
export const ENVOY = "/api/v1/envoy";
/** The paths that only proxies call. */
export const PROXY_PATHS = [`${AUTHORIZE}/*`, `${ENVOY}/*`] as const;
export const ACCOUNT = `${ADMIN}/accounts/:id`;
/** What the customers' page calls. */
export const PORTAL = "/api/v1/portal";
export const PORTAL_PATHS = [`${PORTAL}/*`] as const;

/** Endpoints with their paths as Hono takes them: a last parameter with a file's suffix, as `:invoice.pdf`, has the suffix in its value. */
export function routesOf<A extends Access>(
  contract: Readonly<Record<string, Endpoint<A>>>,
): Readonly<Record<string, Endpoint<A>>> {
  return Object.fromEntries(
    Object.entries(contract).map(([id, { path, ...endpoint }]) => [
      id,
      { ...endpoint, path: path.replace(/:(\w+)(\.\w+)$/, ":$1{.+\\$2}") },
    ]),
  );
}
