/**
 * The syntax of user ids, whatever their source: an account, a token's `sub`, a caller of the decision API.
 *
 * Printable ASCII without spaces, so that no two ids look alike, none breaks a header, a log line or a label, and each fits an object's
 * name. Emails, UUIDs, `auth0|…` and URNs fit; `.` and `..` do not, since no URL path can contain them.
 */
import * as z from "zod/mini";

export const userIdSchema = z
  .string()
  .check(
    z.regex(/^(?!\.{1,2}$)[\x21-\x7e]{1,200}$/, "must be 1 to 200 printable ASCII characters without spaces"),
  );

/** The subject that `account` names: subjects (`user:<id>`, `ip:<address>`) and "" are unchanged, anything else is a user id. */
export function subjectNamed(account: string): string {
  return account === "" || /^(user|ip):/.test(account) ? account : `user:${account}`;
}

/** Whether the value is a user id. */
export function isUserId(value: unknown): value is string {
  return userIdSchema.safeParse(value).success;
}
