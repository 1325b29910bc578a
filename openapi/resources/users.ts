/** The list of users with their usage: response schema and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, DISPLAY_NAME, type OperationNotes, PAGE, RANGE_START } from "../notes.ts";
import { amount, count, moment, momentOrNull, nextCursor, words } from "../scalars.ts";
import { DATES } from "./accounts.ts";

const usage = z.strictObject({
  requests: count("Requests."),
  allowed: count("Requests allowed."),
  denied: count("Requests denied by a limit."),
  turnedAway: count("Requests rejected for another reason: unknown route, blocked, ..."),
  errors: count("Requests that failed."),
  decided: count("Requests that the limiter decided. The share denied is `denied` / `decided`."),
  cost: amount("Tokens charged."),
  lastSeenAt: momentOrNull("The last request in the range, to the second; null if there was none."),
});

const userSchema = named(
  "User",
  "A user or an address in the list, with its usage in the range.",
  z.strictObject({
    id: words("The user's id, or the address."),
    kind: about(
      "`account`: has an account. `no-account`: a user without one who has traffic in the range, or whose deleted account's block is still in force. `address`: a caller without a credential.",
      z.enum(["account", "no-account", "address"]),
    ),
    status: about("Requests of a blocked user are rejected with 403.", z.enum(["active", "blocked"])),
    account: about(
      "Null without an account.",
      z.nullable(
        z.strictObject({
          name: words(DISPLAY_NAME),
          tier: words("The account's tier."),
          orphaned: about("The policy has no such tier: the limits of the default tier apply.", z.boolean()),
          createdAt: moment("When the account was created."),
          updatedAt: moment("When it last changed."),
        }),
      ),
    ),
    usage: about("Null if it is not known: the user is not among the ranked ones.", z.nullable(usage)),
  }),
);

export const usersSchema = z.strictObject({
  users: z.array(userSchema),
  cursor: nextCursor(),
  usage: about(
    "Where the usage comes from; null if analytics did not answer: then the list is in natural order.",
    z.nullable(
      z.strictObject({
        backend: about(
          "The hub's last day of decisions, or Analytics Engine.",
          z.enum(["embedded", "engine"]),
        ),
        sampled: about("Whether figures are estimates.", z.boolean()),
        from: moment("Start of the range."),
        to: moment("Exclusive."),
        ranked: count("Users (or addresses) with traffic in the range that the list ranks: at most 10,000."),
        isComplete: about(
          "Whether these are all. If not, the others with accounts follow without figures, and the others without accounts are missing.",
          z.boolean(),
        ),
      }),
    ),
  ),
});
export type UsersResponse = z.infer<typeof usersSchema>;

const USAGE = {
  requests: 1_240,
  allowed: 1_100,
  denied: 130,
  turnedAway: 10,
  errors: 0,
  decided: 1_230,
  cost: 2_200,
  lastSeenAt: "2026-11-21T08:59:58.000Z",
};

const listUsers: OperationNotes = {
  tag: "Accounts",
  summary: "List users with their usage: accounts, and users without one who have traffic",
  description:
    "Sorted over all users, not only over a page. Usage is from analytics, which may be sampled: never bill by it. At most 10,000 users of the range are ranked, the first in the order asked for; `usage.isComplete` says whether there are more. Natural order means that `user2` comes before `user10`.",
  query: {
    search: "Only users whose id or name contains this text, ignoring case.",
    kind: "`account`: only users with an account; `no-account`: only users without one; `address`: callers without a credential instead of users. Default: users with and without an account.",
    tier: "Only accounts of this tier.",
    status: "Only users with this status.",
    sort: "`requests`, `denied`, `cost`, `deniedShare` or `lastSeen`: the largest first, then users without traffic in natural order. `id`: natural order. `match`: what matches `search` best first. Default: `requests`.",
    from: `${RANGE_START} Default: a day before \`to\`.`,
    to: "Exclusive, at most 93 days after `from`. Default: now.",
    ...PAGE,
  },
  responses: [
    answer(200, "A page of users.", usersSchema, {
      page: {
        users: [
          {
            id: "acme",
            kind: "account",
            status: "active",
            account: { name: "Acme Inc.", tier: "pro", orphaned: false, ...DATES },
            usage: USAGE,
          },
          {
            id: "user@example.com",
            kind: "no-account",
            status: "active",
            account: null,
            usage: { ...USAGE, requests: 3, allowed: 3, denied: 0, turnedAway: 0, decided: 3, cost: 3 },
          },
        ],
        cursor: "WyJyZXF1ZXN0cyIsMywidXNlckBleGFtcGxlLmNvbSJd",
        usage: {
          backend: "embedded",
          sampled: false,
          from: "2026-11-20T09:00:00.000Z",
          to: "2026-11-21T09:00:00.000Z",
          ranked: 2,
          isComplete: true,
        },
      },
    }),
  ],
};

export const USERS_NOTES = { listUsers };
