/** The session of the signed-in administrator: a cookie that scripts cannot read. */
import type { Role, Session } from "./answers.ts";
import { type ApiOutcome, call } from "./api-client.ts";
import { isNullOr, isOneOf, isShape, isText, parseAs } from "./guards.ts";

const SESSION = "/api/v1/admin/session";

/** Each role includes those with a lower rank. */
const RANKS: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** Whether `role` includes `needed`. */
export function includesRole(role: Role, needed: Role): boolean {
  return RANKS[role] >= RANKS[needed];
}

export const parseSession = parseAs(
  isShape<Session>({ name: isText, role: isOneOf(RANKS), expiresAt: isNullOr(isText) }),
);

export const getSession = (): Promise<ApiOutcome<Session>> => call("GET", SESSION, parseSession);

/** Exchanges a token for the cookie. */
export const signIn = (token: string): Promise<ApiOutcome<Session>> =>
  call("POST", SESSION, parseSession, { body: { token } });

export const signOut = (): Promise<ApiOutcome<true>> => call("DELETE", SESSION, () => true);
