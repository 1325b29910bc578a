/** Accounts: response schemas and texts. */
import * as z from "zod/mini";
import { overridesSchema } from "../../src/api/accounts/overrides.ts";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { about, named } from "../annotations.ts";
import { answer, DISPLAY_NAME, type OperationNotes, REASON } from "../notes.ts";
import { count, moment, words } from "../scalars.ts";
import { GRANT, grantSchema } from "./grants.ts";

const limitNames = (description: string) => about(description, z.array(z.string()));

/** The fields that an account and its entry in the list start with. */
export const accountFields = {
  id: userIdSchema,
  name: words(DISPLAY_NAME),
  tier: words("The tier whose limits apply."),
  status: about("Requests of a blocked account are rejected with 403.", z.enum(["active", "blocked"])),
};
/** The fields that both end with. */
export const accountDates = {
  version: count("Increases with each change."),
  createdAt: moment("When the account was created."),
  updatedAt: moment("When it last changed."),
};

export const accountSchema = named(
  "Account",
  "A user with a tier.",
  z.strictObject({
    ...accountFields,
    limits: named("Overrides", "Numbers that replace those of the tier's limits, by limit.", overridesSchema),
    grants: about("The grants in force.", z.array(grantSchema)),
    orphaned: about(
      "What has no effect because the policy lacks it.",
      z.strictObject({
        tier: about("The policy has no such tier: the limits of the default tier apply.", z.boolean()),
        limits: limitNames("Limits whose overrides have no effect."),
        grants: limitNames("Limits whose grants have no effect."),
      }),
    ),
    ...accountDates,
  }),
);
export type AccountResponse = z.infer<typeof accountSchema>;

export const newAccountSchema = named(
  "NewAccount",
  "The new account, and what it inherits from an earlier user of the same id.",
  z.strictObject({
    ...accountSchema.shape,
    inherited: about(
      "Null if the user was unknown. A reset refills the limits.",
      z.nullable(
        z.strictObject({
          blocked: about(
            "An account with this id was deleted while blocked, so the new one is blocked too.",
            z.boolean(),
          ),
          usage: about("The ledger contains usage.", z.boolean()),
          limits: limitNames("Limits that are not full."),
          audit: about("The audit trail has entries.", z.boolean()),
        }),
      ),
    ),
  }),
);
export type NewAccountResponse = z.infer<typeof newAccountSchema>;

export const changedAccountSchema = named(
  "ChangedAccount",
  "The account after the change.",
  z.strictObject({
    ...accountSchema.shape,
    overridesKept: limitNames(
      "If the change names a tier and no limits: limits of the tier that still have an override.",
    ),
    grantsKept: limitNames("If the change names a tier: limits of the tier that still have grants."),
    pendingTier: about(
      "With billing: the tier from the next billing period on. Null if it is the present one.",
      z.nullable(z.string()),
    ),
  }),
);
export type ChangedAccountResponse = z.infer<typeof changedAccountSchema>;

export const erasureSchema = named(
  "Erasure",
  "The erasure of a user's personal data.",
  z.strictObject({
    id: userIdSchema,
    erasedAt: moment("When the user was erased first: a repeated call erases nothing more."),
    pending: about(
      "What is erased later, without another call. `bills`: the customer's details and texts of bills that have no number yet. `points`: points that may still arrive from the edge, for about two minutes, or longer if the hub does not answer.",
      z.array(z.enum(["bills", "points"])),
    ),
  }),
);
export type ErasureResponse = z.infer<typeof erasureSchema>;

export const DATES = { createdAt: "2026-11-21T01:27:12.804Z", updatedAt: "2026-11-21T01:27:12.972Z" };

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
} satisfies AccountResponse;

export const ACCOUNT_EXAMPLE = {
  ...NEW_ACCOUNT,
  ...DATES,
  tier: "pro",
  limits: { minute: { tokens: 2_000, burst: 3_000 } },
  grants: [GRANT],
  version: 2,
} satisfies AccountResponse;

const createAccount: OperationNotes = {
  tag: "Accounts",
  summary: "Create an account",
  description:
    "The account applies to all further requests of its user, whatever credential they use. Usage, counters and audit trail of an earlier user of this id remain, and so does the block of a deleted account; the response lists them in `inherited`.",
  body: {
    fields: {
      id: "The user's id: the owner of keys, and the `sub` of tokens.",
      name: DISPLAY_NAME,
      tier: "Default: the policy's default tier.",
      home: "The region in which the user's object is created, as a location hint of Cloudflare's Durable Objects. Default: the deployment's `ACCOUNT_HOME`, or else near the operator who calls. The object never moves: `home` has no effect if the user, or a call about the user, came first. It cannot be changed or read later.",
      reason: REASON,
    },
    examples: {
      account: { id: "acme", name: "Acme Inc.", tier: "free", home: "weur", reason: "Signed up" },
      minimal: { id: "user@example.com" },
    },
  },
  responses: [
    answer(201, "The new account.", newAccountSchema, {
      account: { ...NEW_ACCOUNT, inherited: null },
      again: {
        ...NEW_ACCOUNT,
        status: "blocked",
        inherited: { blocked: true, usage: true, limits: ["month"], audit: true },
      },
    }),
  ],
  problems: ["conflict"],
};

const getAccount: OperationNotes = {
  tag: "Accounts",
  summary: "Read an account",
  description: "Read from the user's own object, so always up to date.",
  responses: [answer(200, "The account.", accountSchema, { account: ACCOUNT_EXAMPLE })],
  problems: ["not_found"],
};

const changeAccount: OperationNotes = {
  tag: "Accounts",
  summary: "Change an account's tier, status, overrides or name",
  description:
    "Applies from the next request on and keeps what was used: a higher limit admits a denied user at once. A change of the tier keeps overrides and grants, which the response lists; `limits: null` removes the overrides.",
  body: {
    fields: {
      name: DISPLAY_NAME,
      tier: "A tier of the policy.",
      status: "`blocked`: every request is rejected with 403.",
      limits: "Replaces all overrides; null removes them.",
      reason: `${REASON} At least one other field is required.`,
    },
    examples: {
      limits: { tier: "pro", limits: { minute: { tokens: 2_000, burst: 3_000 } }, reason: "Contract 17" },
      block: { status: "blocked", reason: "Unpaid" },
    },
  },
  responses: [
    answer(200, "The account after the change.", changedAccountSchema, {
      account: { ...ACCOUNT_EXAMPLE, overridesKept: ["minute"], grantsKept: ["minute"], pendingTier: null },
    }),
  ],
  problems: ["not_found"],
};

const deleteAccount: OperationNotes = {
  tag: "Accounts",
  summary: "Delete an account, and erase its personal data: keys stop working at once, the ledger remains",
  description:
    "The id can be used for a new account later. A block remains in force, also for tokens and for a new account, until it is lifted: with `unblock=true` here, now or later, or by unblocking the new account.\n\n`erase=true` also removes the names of account and keys, the customer's details, all text that somebody wrote, and the user's points in the embedded analytics store; also of an account that was deleted earlier, and of a user without one. The ledger and numbered invoices and credit notes remain as they are, as the law requires, and the id with them. A second call changes nothing. docs/privacy.md lists what is stored where, and what an erasure cannot reach.",
  query: {
    unblock: "`true`: also lift the account's block, even if the account is already deleted.",
    erase:
      "`true`: also erase the user's personal data. `reason` is then not stored, since it is a text about the user.",
    reason: REASON,
  },
  responses: [
    answer(200, "Erased, with `erase=true`.", erasureSchema, {
      erased: { id: "acme", erasedAt: DATES.updatedAt, pending: ["points"] },
    }),
    { status: 204, description: "Deleted." },
  ],
  problems: ["not_found"],
};

const resetAccount: OperationNotes = {
  tag: "Accounts",
  summary: "Reset an account's limits: forget what was spent",
  description: "The limits are full again. Usage and bills do not change.",
  body: {
    fields: {
      limits: "Names of limits of the account's tier, of routes, or used before. Default: all.",
      reason: REASON,
    },
    examples: { all: { reason: "Their test sent too many requests" }, one: { limits: ["minute"] } },
  },
  responses: [answer(200, "The account.", accountSchema, { account: ACCOUNT_EXAMPLE })],
  problems: ["not_found"],
};

export const ACCOUNTS_NOTES = { createAccount, getAccount, changeAccount, deleteAccount, resetAccount };
