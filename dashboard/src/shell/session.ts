/** Who is signed in. The session itself is a cookie that scripts cannot read. */
import { call, isRecord, type Outcome } from "./api-client.ts";

export type Role = "viewer" | "operator" | "admin";

export interface Session {
  readonly name: string;
  readonly role: Role;
}

const SESSION = "/api/v1/admin/session";
const ROLES: readonly Role[] = ["viewer", "operator", "admin"];

/** Whether `role` may do what takes `needed`. */
export function mayDo(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export const getSession = (): Promise<Outcome<Session>> => call("GET", SESSION, parseSession);

/** Exchanges a token for the cookie. */
export const signIn = (token: string): Promise<Outcome<Session>> =>
  call("POST", SESSION, parseSession, { body: { token } });

export const signOut = (): Promise<Outcome<true>> => call("DELETE", SESSION, () => true);

function parseSession(body: unknown): Session | null {
  if (!isRecord(body) || typeof body["name"] !== "string") return null;
  const role = ROLES.find((known) => known === body["role"]);
  return role === undefined ? null : { name: body["name"], role };
}
