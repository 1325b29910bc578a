/** A customer's billing in the portal, and the tiers to choose from: response schemas and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes } from "../notes.ts";
import { money, words } from "../scalars.ts";
import { billingSchema, EXAMPLE, PREVIEW, previewSchema, segmentSchema } from "./billing.ts";

const { revision: _revision, ...segmentFields } = segmentSchema.shape;
export const portalBillingSchema = named(
  "PortalBilling",
  "The open billing period, and what it comes to so far.",
  z.strictObject({
    ...billingSchema.shape,
    segments: z.array(
      named("PortalSegment", "A part of the period under one set of terms.", z.strictObject(segmentFields)),
    ),
  }),
);
export type PortalBillingResponse = z.infer<typeof portalBillingSchema>;

export const portalTiersSchema = named(
  "PortalTiers",
  "The tiers that a customer may choose.",
  z.strictObject({
    current: words("The tier in force. It may be one that is not offered."),
    pending: about("The tier from the next period on; null: the same one.", z.nullable(z.string())),
    tiers: z.array(
      named(
        "PortalTier",
        "What a tier costs.",
        z.strictObject({
          name: z.string(),
          base: money("The base fee of a month."),
          included: about("Tokens in a month; null: any number.", z.nullable(z.number())),
          overage: about("What happens beyond that.", z.enum(["stop", "payg", "prepaid"])),
          price: about("What usage beyond it costs, in words; null: nothing.", z.nullable(z.string())),
        }),
      ),
    ),
  }),
);
export type PortalTiersResponse = z.infer<typeof portalTiersSchema>;

const changedTierSchema = z.strictObject({ at: z.enum(["now", "period_end"]), billing: portalBillingSchema });

const BILLING: PortalBillingResponse = {
  ...EXAMPLE,
  segments: EXAMPLE.segments.map(({ revision: _of, ...segment }) => segment),
};

const BILLING_ANSWER = answer(200, "The customer's billing.", portalBillingSchema, { billing: BILLING });

const getPortalBilling: OperationNotes = {
  tag: "Portal",
  summary: "The customer's open billing period",
  description: "What has accrued is what the period comes to if no usage follows.",
  responses: [BILLING_ANSWER],
  problems: ["conflict"],
};

const changePortalBudget: OperationNotes = {
  tag: "Portal",
  summary: "Set or remove the customer's own budget",
  description:
    "Applies at once and exactly. One below what has accrued stops further overage and gives nothing back.",
  body: {
    fields: { budget: "The most that a period's overage may come to, before tax; null removes it." },
    examples: { budget: { budget: "12.50" }, none: { budget: null } },
  },
  responses: [BILLING_ANSWER],
  problems: ["blocked", "conflict"],
};

const listPortalTiers: OperationNotes = {
  tag: "Portal",
  summary: "The tiers that the customer may choose, and what they cost",
  description: "Those that the policy names in `billing.portal.tiers`.",
  responses: [
    answer(200, "The tiers.", portalTiersSchema, {
      tiers: {
        current: "pro",
        pending: null,
        tiers: [
          { name: "free", base: "0", included: 50_000, overage: "stop", price: null },
          { name: "pro", base: "99", included: 1_000_000, overage: "payg", price: "0.0005 each" },
        ],
      },
    }),
  ],
  problems: ["conflict"],
};

const TIER_BODY: NonNullable<OperationNotes["body"]> = {
  fields: { tier: "One that the portal offers." },
  examples: { upgrade: { tier: "pro" } },
};

const previewPortalTier: OperationNotes = {
  tag: "Portal",
  summary: "What a change of tier would do",
  description:
    "Changes nothing. The change would be now, or at the period's end if the new base fee is lower.",
  body: TIER_BODY,
  responses: [answer(200, "The preview.", previewSchema, { upgrade: PREVIEW })],
  problems: ["conflict", "currency_differs"],
};

const changePortalTier: OperationNotes = {
  tag: "Portal",
  summary: "Change the customer's tier",
  description: "Now, or at the period's end if the new base fee is lower.",
  body: TIER_BODY,
  responses: [
    answer(200, "When it takes effect.", changedTierSchema, { now: { at: "now", billing: BILLING } }),
  ],
  problems: ["blocked", "conflict", "currency_differs"],
};

export const PORTAL_BILLING_NOTES = {
  getPortalBilling,
  changePortalBudget,
  listPortalTiers,
  previewPortalTier,
  changePortalTier,
};
