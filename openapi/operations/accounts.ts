/** Examples and answers of the endpoints of accounts. */
import type * as z from "zod/mini";
import { accountChangeSchema, newAccountSchema, newGrantSchema, resetSchema } from "../../src/api/schemas.ts";
import {
  accountSchema,
  accountsSchema,
  changedAccountSchema,
  newAccountAnswerSchema,
  auditSchema,
  grantSchema,
  rebuiltSchema,
  usageReportSchema,
} from "../bodies/account.ts";
import { statusSchema } from "../bodies/decision.ts";
import { json, type Notes, text } from "../notes.ts";

const GRANT = {
  grantId: "53785454-7f36-46e0-81d9-d419105b9357",
  limit: "minute",
  amount: 500,
  until: "2026-12-24T00:00:00.000Z",
  createdAt: "2026-11-21T01:27:13.050Z",
} satisfies z.infer<typeof grantSchema>;

const DATES = { createdAt: "2026-11-21T01:27:12.804Z", updatedAt: "2026-11-21T01:27:12.972Z" };

const NEW_ACCOUNT = {
  id: "acme",
  name: "Acme Inc.",
  tier: "free",
  status: "active",
  limits: {},
  grants: [],
  orphaned: { tier: false, limits: [], grants: [] },
  version: 1,
  createdAt: DATES.createdAt,
  updatedAt: DATES.createdAt,
} satisfies z.infer<typeof accountSchema>;

const ACCOUNT = {
  ...NEW_ACCOUNT,
  ...DATES,
  tier: "pro",
  limits: { minute: { tokens: 2_000, burst: 3_000 } },
  grants: [GRANT],
  version: 2,
} satisfies z.infer<typeof accountSchema>;

const account = (description: string): Notes["answers"][0] => ({
  status: 200,
  description,
  contents: [json(accountSchema, { account: ACCOUNT })],
});

const createAccount: Notes = {
  tag: "Accounts",
  summary: "Create an account",
  description:
    "From now on, the account applies to requests of its user, however they identify themselves. Usage, counters and audit trail of the same id stay, and so does the block of a deleted account; the answer says so in `inherited`.",
  request: [
    json(newAccountSchema, {
      account: { id: "acme", name: "Acme Inc.", tier: "free", reason: "Signed up" },
      least: { id: "user@example.com" },
    }),
  ],
  answers: [
    {
      status: 201,
      description: "The new account.",
      contents: [
        json(newAccountAnswerSchema, {
          account: { ...NEW_ACCOUNT, inherited: null },
          again: {
            ...NEW_ACCOUNT,
            status: "blocked",
            inherited: { blocked: true, usage: true, limits: ["month"], audit: true },
          },
        }),
      ],
    },
  ],
  problems: ["conflict"],
};

const listAccounts: Notes = {
  tag: "Accounts",
  summary: "List accounts by tier, status or name",
  description: "In the order of their ids.",
  answers: [
    {
      status: 200,
      description: "A page of accounts.",
      contents: [
        json(accountsSchema, {
          page: {
            accounts: [
              { id: "acme", name: "Acme Inc.", tier: "pro", status: "active", version: 2, ...DATES },
            ],
            cursor: "YWNtZQ",
          },
        }),
      ],
    },
  ],
};

const getAccount: Notes = {
  tag: "Accounts",
  summary: "Read an account",
  description: "From the user's own object: always the newest.",
  answers: [account("The account.")],
  problems: ["not_found"],
};

const changeAccount: Notes = {
  tag: "Accounts",
  summary: "Change an account's tier, status, limits or name",
  description:
    "Applies from the next request on, and keeps what was used: a higher limit admits a denied user at once. Another tier keeps the account's own numbers and grants, which the answer names; `limits: null` clears the numbers.",
  request: [
    json(accountChangeSchema, {
      limits: { tier: "pro", limits: { minute: { tokens: 2_000, burst: 3_000 } }, reason: "Contract 17" },
      block: { status: "blocked", reason: "Unpaid" },
    }),
  ],
  answers: [
    {
      status: 200,
      description: "The account as it is now.",
      contents: [
        json(changedAccountSchema, {
          account: { ...ACCOUNT, overridesKept: ["minute"], grantsKept: ["minute"] },
        }),
      ],
    },
  ],
  problems: ["not_found"],
};

const deleteAccount: Notes = {
  tag: "Accounts",
  summary: "Delete an account: its keys stop at once, its ledger is kept",
  description:
    "An account of the same id may be created again later. A block stays in force, also for tokens and for a new account, until it is lifted: by `unblock=true` here, now or later, or by unblocking the new account.",
  answers: [{ status: 204, description: "Deleted." }],
  problems: ["not_found"],
};

const grantExtra: Notes = {
  tag: "Accounts",
  summary: "Grant extra capacity of a limit until a time",
  description: "Raises the burst of a bucket, the amount of a quota or the number of slots.",
  request: [
    json(newGrantSchema, {
      grant: { limit: "minute", amount: 500, until: "2026-12-24T00:00:00Z", reason: "Launch day" },
    }),
  ],
  answers: [{ status: 201, description: "The grant.", contents: [json(grantSchema, { grant: GRANT })] }],
  problems: ["not_found", "conflict"],
};

const resetAccount: Notes = {
  tag: "Accounts",
  summary: "Forget what was spent of an account's limits",
  description: "The limits are full again. Usage and bills stay as they are.",
  request: [
    json(resetSchema, {
      all: { reason: "Their test ran away" },
      one: { limits: ["minute"] },
    }),
  ],
  answers: [account("The account.")],
  problems: ["not_found"],
};

const getAccountStatus: Notes = {
  tag: "Accounts",
  summary: "A user's limits and usage as they stand now",
  description:
    "From the user's own object, and it costs nothing. Of users without an account too: by the policy's default tier, where their token names no other. Limits of single routes and keys are not among them.",
  answers: [
    {
      status: 200,
      description: "The user's limits and usage.",
      contents: [
        json(statusSchema, {
          status: {
            user: "acme",
            tier: "pro",
            status: "active",
            revision: 3,
            limits: [
              {
                name: "minute",
                kind: "bucket",
                limit: 3_000,
                remaining: 2_999,
                resetMs: 30,
                windowMs: 90_000,
              },
              {
                name: "month",
                kind: "quota",
                limit: 1_000_000,
                remaining: 940_000,
                resetMs: 2_073_600_000,
                windowMs: 2_592_000_000,
                period: {
                  start: "2026-11-15T00:00:00.000Z",
                  end: "2026-12-15T00:00:00.000Z",
                  used: 60_000,
                },
              },
            ],
            usage: {
              hour: { requests: 1, cost: 1, denied: 0 },
              day: { requests: 1, cost: 1, denied: 0 },
              month: { requests: 1, cost: 1, denied: 0 },
            },
          },
        }),
      ],
    },
  ],
  problems: ["not_found"],
};

const getUsage: Notes = {
  tag: "Accounts",
  summary: "Exact usage by hour, day or month, also by route or as CSV",
  description:
    "Counted in whole hours, for users without an account too. A page begins after the last row of the page before, in the order of period and route, so no row comes twice. An hour that is not over still grows, and so does its period. For bills, ask for closed periods: set `to` to the end of an hour, and ask a minute after it.",
  answers: [
    {
      status: 200,
      description: "A page of usage.",
      contents: [
        json(usageReportSchema, {
          "by route": {
            account: "acme",
            from: "2026-11-01T00:00:00.000Z",
            to: "2026-11-21T01:27:13.662Z",
            granularity: "day",
            usage: [{ period: "2026-11-21T00:00:00Z", requests: 1, cost: 1, denied: 0, route: "/identify" }],
            cursor: null,
          },
        }),
        text("text/csv", "period,requests,cost,denied\r\n2026-11-21T00:00:00Z,1,1,0\r\n"),
      ],
      headers: ["Link"],
    },
  ],
  problems: ["not_found"],
};

const getAudit: Notes = {
  tag: "Accounts",
  summary: "Who changed the account, when and why, newest first",
  description: "Of users without an account too: the trail of a deleted account stays.",
  answers: [
    {
      status: 200,
      description: "A page of changes.",
      contents: [
        json(auditSchema, {
          page: {
            entries: [
              {
                seq: 2,
                at: "2026-11-21T01:27:12.972Z",
                actor: "admin-token",
                reason: "Contract 17",
                action: "account.change",
                before: { name: "Acme Inc.", tier: "free", status: "active", limits: {} },
                after: {
                  name: "Acme Inc.",
                  tier: "pro",
                  status: "active",
                  limits: { minute: { tokens: 2_000, burst: 3_000 } },
                },
              },
            ],
            cursor: "Mg",
          },
        }),
      ],
    },
  ],
  problems: ["not_found"],
};

const rebuildDirectory: Notes = {
  tag: "Accounts",
  summary: "Rebuild the list of accounts from the accounts themselves, a page at a time",
  description: "Safe at any time, and safe to repeat. Call it with the answer's cursor until that is null.",
  answers: [
    {
      status: 200,
      description: "A page is rebuilt.",
      contents: [json(rebuiltSchema, { "the last page": { rebuilt: 5, cursor: null } })],
    },
  ],
};

export const ACCOUNTS = {
  createAccount,
  listAccounts,
  getAccount,
  changeAccount,
  deleteAccount,
  grantExtra,
  resetAccount,
  getAccountStatus,
  getUsage,
  getAudit,
  rebuildDirectory,
};
