/** The roles of administrators, and the identity of one. */
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

/** Appears in the audit trail and logs: printable ASCII without spaces, like user ids. Emails fit. */
export const actorNameSchema = z
  .string()
  .check(z.regex(/^[\x21-\x7e]{1,200}$/, "must be 1 to 200 printable ASCII characters without spaces"));

/** A dashboard session, as its cookie states it. */
export interface AdminSession {
  /** Random and unique. */
  readonly id: string;
  /** The name of the token that opened it. */
  readonly name: string;
  readonly role: Role;
  /** Unix ms. */
  readonly expiresMs: number;
}

/** An authenticated caller of the admin API. */
export interface Actor {
  /** The token's name, or the name that Cloudflare Access gives the person or service. */
  readonly name: string;
  readonly role: Role;
  /** The end of the session or the assertion, Unix ms; null for a token, which does not expire. */
  readonly expiresMs: number | null;
  /** The source of the name: the deployment's tokens (and their sessions), or Cloudflare Access. */
  readonly source: "token" | "access";
  /** The session that the request came with; null without one. */
  readonly session: AdminSession | null;
}
