/** The subject of a decision as analytics names it: `user:<id>`, `ip:<address>`, or "" for an unknown caller. Pure. */
import type { PageAddress } from "./page-address.ts";

const USER = "user:";

/** A user's id, an address with its `ip:` prefix, or "unknown". */
export function subjectName(account: string): string {
  if (account === "") return "unknown";
  return account.startsWith(USER) ? account.slice(USER.length) : account;
}

/** The screen of a user, or of an address, which has no account; null for an unknown caller. */
export function userAddress(account: string): PageAddress | null {
  if (account.startsWith(USER)) return { screen: "user", params: { id: account.slice(USER.length) } };
  return account === "" ? null : { screen: "user", params: { subject: account } };
}

/** The subject that a person typed: an id without a prefix is a user's. "" for nothing. */
export function subjectOf(typed: string): string {
  const text = typed.trim();
  return text === "" || /^(user|ip):/.test(text) ? text : `${USER}${text}`;
}
