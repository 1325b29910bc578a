/** An account's billing: its open period, its customer and budget, and changes of its tier, which a preview shows before. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { parsePrice } from "../../billing/money.ts";
import { CHANGE_TIMES, type ChangeTime } from "../../billing/tier-change.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { isUserId } from "../../identity/user-id.ts";
import type {
  BillingAnswer,
  BillingChange,
  BillingChangeAnswer,
  BillingView,
  PreviewAnswer,
  TierAnswer,
  TierChange,
} from "../../objects/billing.ts";
import { accountOf } from "../account-of.ts";
import { ask, type Asked, changeBy } from "../ask.ts";
import { invalidContent, readBody } from "../body.ts";
import { ACCOUNT, type Endpoints } from "../endpoint.ts";
import { reason, tierName } from "../fields.ts";
import { unknownName } from "../known-names.ts";
import { plainText } from "../plain-text.ts";
import { iso, isoOrNull } from "../rfc3339.ts";
import { noAccount, stubOf } from "./account-object.ts";
import { isTierRejection, noBilling, tierProblem } from "./billing-problems.ts";

/** An amount of money, not negative. Longer ones have too many digits. */
export const money = z.string().check(
  z.maxLength(25),
  z.refine(
    // "-0" is no negative amount, but is shown as one.
    (text) => parsePrice(text) !== null && !text.startsWith("-"),
    'must be an amount such as "200" or "0.50": at most 12 digits before and 12 after the point, not negative',
  ),
);

const customerSchema = z.strictObject({
  name: z.optional(plainText(200)),
  email: z.optional(plainText(254)),
  address: z.optional(z.array(plainText(200)).check(z.maxLength(8))),
  country: z.optional(
    z.string().check(z.regex(/^[A-Z]{2}$/, "must be a code of ISO 3166-1 in capitals, such as DE")),
  ),
  taxId: z.optional(plainText(64)),
  taxExempt: z.optional(z.boolean()),
});

const billingChangeSchema = z
  .strictObject({
    /** Replaces all details; null removes them. */
    customer: z.optional(z.nullable(customerSchema)),
    budget: z.optional(z.nullable(money)),
    anchorDay: z.optional(z.nullable(z.int().check(z.gte(1), z.lte(31)))),
    reason,
  })
  .check(
    z.refine(
      ({ customer, budget, anchorDay }) => [customer, budget, anchorDay].some((field) => field !== undefined),
      "must change the customer, the budget or the anchor day",
    ),
  );

const tierChangeSchema = z.strictObject({ tier: tierName, at: z.optional(z.enum(CHANGE_TIMES)), reason });
const previewSchema = z.strictObject({ tier: tierName, at: z.optional(z.enum(CHANGE_TIMES)) });

export const BILLING = {
  getBilling: { method: "GET", path: `${ACCOUNT}/billing`, access: "viewer", handler: getBilling },
  changeBilling: {
    method: "PATCH",
    path: `${ACCOUNT}/billing`,
    access: "operator",
    body: billingChangeSchema,
    idempotent: true,
    handler: changeBilling,
  },
  changeTier: {
    method: "POST",
    path: `${ACCOUNT}/tier`,
    access: "operator",
    body: tierChangeSchema,
    idempotent: true,
    handler: changeTier,
  },
  previewTier: {
    method: "POST",
    path: `${ACCOUNT}/tier/preview`,
    access: "viewer",
    body: previewSchema,
    handler: previewTier,
  },
} as const satisfies Endpoints;

async function getBilling(c: Context<AppEnv>): Promise<Response> {
  return withBilling(c, (view) => c.json(view));
}

/** Reads the account's billing, as answers have it. */
export async function withBilling(
  c: Context<AppEnv>,
  render: (view: BillingResponse) => Response,
): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const call = stubOf(c, id).billing(c.var.policy.revision);
  return ask<BillingAnswer>(c, "account", call, (answer) =>
    answer.kind === "billing" ? render(billingResponse(id, answer.billing)) : noBilling(c, answer),
  );
}

async function changeBilling(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const body = await readBody(c, billingChangeSchema);
  if (!body.ok) return body.response;
  const { customer, budget, anchorDay } = body.value;
  const change: BillingChange = {
    ...(customer === undefined ? {} : { customer: customer ?? {} }),
    ...(budget === undefined ? {} : { budget }),
    ...(anchorDay === undefined ? {} : { anchorDay }),
  };
  return makeBillingChange(c, change, body.value, (view) => c.json(view));
}

export async function makeBillingChange(
  c: Context<AppEnv>,
  change: BillingChange,
  asked: Asked,
  render: (view: BillingResponse) => Response,
): Promise<Response> {
  const id = accountOf(c);
  const by = await changeBy(c, asked);
  const call = stubOf(c, id).changeBilling(change, c.var.policy.revision, by);
  return ask<BillingChangeAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "billing") return render(billingResponse(id, answer.billing));
    if (answer.kind !== "no-cap") return noBilling(c, answer);
    const detail =
      "A budget cannot be enforced on the account's prices: single routes have prices, or more usage may cost less.";
    return problem("conflict", detail, c.var.requestId);
  });
}

async function changeTier(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const body = await readBody(c, tierChangeSchema);
  if (!body.ok) return body.response;
  const change = changeOf(body.value);
  if (!c.var.policy.tiers.has(change.tier)) return unknownTier(c, change.tier);
  return makeTierChange(c, change, body.value, (at, billing) => c.json({ at, billing }));
}

/** @param change to a tier of the policy. */
export async function makeTierChange(
  c: Context<AppEnv>,
  change: TierChange,
  asked: Asked,
  render: (at: ChangeTime, view: BillingResponse) => Response,
): Promise<Response> {
  const id = accountOf(c);
  const { policy, services } = c.var;
  const by = await changeBy(c, asked);
  const call = stubOf(c, id).changeTier(change, policy.revision, by);
  return ask<TierAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "changed") {
      services.limiter.forget(userSubject(id), Date.now());
      return render(answer.at, billingResponse(id, answer.billing));
    }
    return isTierRejection(answer) ? tierProblem(c, answer) : noBilling(c, answer);
  });
}

async function previewTier(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const body = await readBody(c, previewSchema);
  if (!body.ok) return body.response;
  const change = changeOf(body.value);
  if (!c.var.policy.tiers.has(change.tier)) return unknownTier(c, change.tier);
  return tierPreview(c, change);
}

/** @param change to a tier of the policy. */
export async function tierPreview(c: Context<AppEnv>, change: TierChange): Promise<Response> {
  const call = stubOf(c, accountOf(c)).previewTier(change, c.var.policy.revision);
  return ask<PreviewAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "preview") {
      const { effectiveMs, periodEndMs, ...preview } = answer.preview;
      return c.json({ ...preview, effectiveAt: iso(effectiveMs), periodEnd: iso(periodEndMs) });
    }
    return isTierRejection(answer) ? tierProblem(c, answer) : noBilling(c, answer);
  });
}

function changeOf({ tier, at = null }: { tier: string; at?: TierChange["at"] | undefined }): TierChange {
  return { tier, at };
}

function unknownTier(c: Context<AppEnv>, tier: string): Response {
  const fault = unknownName("/tier", "tier", tier, c.var.policy.tiers.keys());
  return invalidContent(c.var.requestId, [fault]).response;
}

export type BillingResponse = ReturnType<typeof billingResponse>;

function billingResponse(account: string, view: BillingView) {
  const { trialEndsMs, periodStartMs, periodEndMs, segments, forecast, ...fields } = view;
  return {
    account,
    ...fields,
    // An object that still runs the version before has none.
    forecast: forecast ? { periodEnd: iso(periodEndMs), ...forecast } : null,
    trialEndsAt: isoOrNull(trialEndsMs),
    period: { start: iso(periodStartMs), end: iso(periodEndMs) },
    segments: segments.map(({ startMs, endMs, tier, revision, usage }) => ({
      start: iso(startMs),
      end: iso(endMs),
      tier,
      revision,
      usage,
    })),
  };
}
