/** What an administrator may do, and who it is. */
import * as z from "zod/mini";

/**
 * Each role includes those before it.
 * - `viewer`: reads everything.
 * - `operator`: also accounts, keys, grants and resets.
 * - `admin`: also the policy, and deleting accounts.
 */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export function includesRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Goes into the audit trail and logs: printable ASCII without space, as user ids are. Emails fit. */
export const actorNameSchema = z
  .string()
  .check(z.regex(/^[\x21-\x7e]{1,200}$/, "must be 1 to 200 printable ASCII characters without spaces"));

/** A session of the dashboard, as its cookie says. */
export interface AdminSession {
  /** Random: no two sessions have the same. */
  readonly id: string;
  /** The name of the token that it was made for. */
  readonly name: string;
  readonly role: Role;
  /** Unix ms. */
  readonly expiresMs: number;
}

/** Who calls the admin API. */
export interface Actor {
  /** The token's name, or what Cloudflare Access calls the person or service. */
  readonly name: string;
  readonly role: Role;
  /** When the session or the assertion ends, Unix ms; null for a token, which lasts until it is changed. */
  readonly expiresMs: number | null;
  /** The source of the name: the deployment's tokens (and their sessions), or Cloudflare Access. */
  readonly source: "token" | "access";
  /** The session that the request came with; null without one. */
  readonly session: AdminSession | null;
}
