/**
 * What may be a user id, wherever one comes from: an account, a token's `sub`, a caller of the decision API.
 *
 * Printable ASCII without space, so that no two ids look alike, none breaks a header, a log line or a label, and each fits an
 * object's name. Emails, UUIDs, `auth0|…` and URNs all fit; `.` and `..` do not, since no URL can name them.
 */
import * as z from "zod/mini";

export const userIdSchema = z
  .string()
  .check(
    z.regex(/^(?!\.{1,2}$)[\x21-\x7e]{1,200}$/, "must be 1 to 200 printable ASCII characters without spaces"),
  );

/** `account` as a caller names it: a subject (`user:<id>`, `ip:<address>`) as it is, anything else as a user's id; "" is no user. */
export function subjectNamed(account: string): string {
  return account === "" || /^(user|ip):/.test(account) ? account : `user:${account}`;
}

/** Whether the value is a user id. */
export function isUserId(value: unknown): value is string {
  return userIdSchema.safeParse(value).success;
}
