/** What the endpoints of accounts, keys and sessions answer. */
import * as z from "zod/mini";
import { ROLES } from "../../src/identity/admin/role.ts";
import { KEY_SCOPES } from "../../src/identity/key-scope.ts";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { accountChangeSchema } from "../../src/api/schemas.ts";
import { about, named } from "../said.ts";
import { amount, count, moment, momentOrNull, nextCursor, words } from "./scalars.ts";

const dates = {
  createdAt: moment("When it was made."),
  updatedAt: moment("When it was changed last."),
};
const status = () =>
  about("A blocked account's requests are refused with 403.", z.enum(["active", "blocked"]));

const limitNames = (description: string) => about(description, z.array(z.string()));

const overridesSchema = named(
  "Overrides",
  "An account's own numbers, by the name of the tier's limit.",
  accountChangeSchema.shape.limits.def.innerType.def.innerType,
);

export const grantSchema = named(
  "Grant",
  "Extra capacity of one limit until a time.",
  z.strictObject({
    grantId: z.uuid(),
    limit: words("The name of the limit."),
    amount: amount("Tokens, or slots, on top of its capacity."),
    until: moment("When it ends."),
    createdAt: dates.createdAt,
  }),
);

export const accountSchema = named(
  "Account",
  "A user with a tier.",
  z.strictObject({
    id: userIdSchema,
    name: words("For people."),
    tier: words("The tier whose limits hold."),
    status: status(),
    limits: overridesSchema,
    grants: about("Those in force.", z.array(grantSchema)),
    orphaned: about(
      "What has no effect, because the policy lacks it.",
      z.strictObject({
        tier: about("There is no such tier: the default tier's limits apply.", z.boolean()),
        limits: limitNames("Limits whose own numbers have no effect."),
        grants: limitNames("Limits whose grants have no effect."),
      }),
    ),
    version: count("Grows with each change."),
    ...dates,
  }),
);

export const newAccountAnswerSchema = named(
  "NewAccount",
  "The new account, and what it takes over from an earlier user of the same id.",
  z.strictObject({
    ...accountSchema.shape,
    inherited: about(
      "Null if nothing was known of the user. A reset clears the limits.",
      z.nullable(
        z.strictObject({
          blocked: about(
            "An account of this id was deleted while it was blocked: the new one is blocked too.",
            z.boolean(),
          ),
          usage: about("The ledger has usage.", z.boolean()),
          limits: limitNames("Limits that are not full."),
          audit: about("The audit trail has entries.", z.boolean()),
        }),
      ),
    ),
  }),
);

export const changedAccountSchema = named(
  "ChangedAccount",
  "The account as it is now.",
  z.strictObject({
    ...accountSchema.shape,
    overridesKept: limitNames(
      "If the change names a tier and no limits: limits of the tier whose numbers the account's own still replace.",
    ),
    grantsKept: limitNames("If the change names a tier: limits of the tier that grants still add to."),
  }),
);

export const accountsSchema = z.strictObject({
  accounts: z.array(
    named(
      "AccountEntry",
      "An account in the list, which follows the accounts within a second or so.",
      z.strictObject({
        id: userIdSchema,
        name: words("For people."),
        tier: words("The tier whose limits hold."),
        status: status(),
        version: count("Grows with each change."),
        ...dates,
      }),
    ),
  ),
  cursor: nextCursor(),
});

const key = {
  keyId: words("Names the key without giving it away."),
  name: words("For people."),
  scopes: about("`call`: the routes of the gateway. `check`: the decision API.", z.array(z.enum(KEY_SCOPES))),
  createdAt: moment("When it was issued."),
  expiresAt: momentOrNull(
    "When it stops working: at its expiry, or at the end of its grace period if it was rotated; null: never.",
  ),
  revokedAt: momentOrNull("When it was revoked."),
  lastUsedAt: momentOrNull("The hour in which it was used last."),
};

export const keySchema = named("Key", "An API key, but for the key itself.", z.strictObject(key));

export const newKeyAnswerSchema = named(
  "NewKey",
  "A key that was just issued, with the key itself: this once.",
  z.strictObject({
    key: about(
      "Goes into X-API-Key. Keep it: it cannot be shown again.",
      z.string().check(z.regex(/^el_(live|test)_[0-9A-Za-z]{36}$/)),
    ),
    ...key,
    published: about("Whether all locations know it already; if not, it is on its way.", z.boolean()),
  }),
);

export const keysSchema = z.strictObject({
  keys: about("Revoked ones too, oldest first.", z.array(keySchema)),
});

const usageRow = {
  period: moment("The beginning of the hour, day or month, even if `from` lies after it."),
  requests: count("Admitted requests; `denied` counts the others."),
  cost: amount("Tokens charged."),
  denied: count("Requests that were denied."),
};

export const usageReportSchema = named(
  "UsageReport",
  "What an account has used, from the exact ledger.",
  z.strictObject({
    account: userIdSchema,
    from: moment("Of the first hour."),
    to: moment("Exclusive."),
    granularity: z.enum(["hour", "day", "month"]),
    usage: z.array(
      z.strictObject({
        ...usageRow,
        route: z.optional(
          about("The route's id, where asked for by route; empty where none was named.", z.string()),
        ),
      }),
    ),
    cursor: nextCursor(),
  }),
);

export const auditSchema = z.strictObject({
  entries: z.array(
    named(
      "AuditEntry",
      "One change of an account.",
      z.strictObject({
        seq: count("Grows with each change."),
        at: moment("When."),
        actor: words("Who: the admin token's name, or the person or service of Cloudflare Access."),
        reason: words("Why, where it was said."),
        action: words("What was done, such as `account.change` or `key.revoke`."),
        before: about("What was there before, null for nothing.", z.unknown()),
        after: about("What is there since, null for nothing.", z.unknown()),
      }),
    ),
  ),
  cursor: nextCursor(),
});

export const rebuiltSchema = z.strictObject({
  rebuilt: count("Accounts of this page."),
  cursor: about("Goes into `cursor` of the next call; null when all is done.", z.nullable(z.string())),
});

export const sessionSchema = named(
  "Session",
  "Who is logged in.",
  z.strictObject({
    name: words("The name of the admin token, or what Cloudflare Access calls the person or service."),
    role: z.enum(ROLES),
    expiresAt: momentOrNull("When the session ends; null for a token."),
  }),
);
