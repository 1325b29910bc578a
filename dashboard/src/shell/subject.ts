/** Whom a decision was about, as analytics names it (`user:<id>`, `ip:<address>`, "" for nobody known), and where to see more. Pure. */
import type { PageAddress } from "./page-address.ts";

const USER = "user:";

/** A user's own id; an address as analytics names it; "not known". */
export function subjectName(account: string): string {
  if (account === "") return "not known";
  return account.startsWith(USER) ? account.slice(USER.length) : account;
}

/** The screen that shows more: of a user, or of an address, which has no account; null for nobody. */
export function userAddress(account: string): PageAddress | null {
  if (account.startsWith(USER)) return { screen: "user", params: { id: account.slice(USER.length) } };
  return account === "" ? null : { screen: "user", params: { subject: account } };
}
