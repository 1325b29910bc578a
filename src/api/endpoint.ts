/** What the contract says of an endpoint, and the paths that endpoints share. */
import type * as z from "zod/mini";
import type { Role } from "../identity/admin/role.ts";

/**
 * - `none`: anybody.
 * - `caller`: whoever may call the gateway: a key, a token or an address.
 * - `check`: a key with the scope `check`, in good standing.
 * - `viewer`, `operator`, `admin`: an administrator of that role or a higher one (src/identity/admin/role.ts).
 */
export type Access = "none" | "caller" | "check" | Role;

export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Hono's syntax: `:name` is a parameter. */
  readonly path: string;
  readonly access: Access;
  /** The body's schema, for those that take one. */
  readonly body?: z.ZodMiniType;
  /** The query's schema; the others take no parameters. */
  readonly query?: z.ZodMiniType;
  /** Whether the change is made against an ETag. */
  readonly ifMatch?: "required" | "optional";
}

export const LIMIT = "/api/v1/rate-limit";
export const ADMIN = "/api/v1/admin";
export const ACCOUNT = `${ADMIN}/accounts/:id`;
