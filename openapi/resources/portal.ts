/** The customers' portal: response schemas and texts. */
import * as z from "zod/mini";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { PORTAL_KINDS } from "../../src/objects/portal.ts";
import { about, named } from "../annotations.ts";
import { answer, CUSTOMER_PROBLEMS, DISPLAY_NAME, json, type OperationNotes, PAGE } from "../notes.ts";
import { moment, money, nextCursor, words } from "../scalars.ts";
import { billingSchema, EXAMPLE, PREVIEW, previewSchema, segmentSchema } from "./billing.ts";
import { DOCUMENTS_NOTES } from "./documents.ts";
import { SUMMARY, summarySchema } from "./invoices.ts";
import { issued, KEY, keySchema, keysSchema } from "./keys.ts";
import { PAGES_NOTES } from "./pages.ts";
import { USAGE_NOTES } from "./usage.ts";

export const portalSessionSchema = named(
  "PortalSession",
  "A customer's session of the portal.",
  z.strictObject({
    account: userIdSchema,
    name: words("The account's name."),
    kind: about(
      "How it began: with one of the account's keys, or with an operator's link.",
      z.enum(PORTAL_KINDS),
    ),
    may: about(
      "What it may change. All are false if the account is blocked.",
      z.strictObject({ keys: z.boolean(), budget: z.boolean(), tier: z.boolean() }),
    ),
    expiresAt: moment("When the session ends at the latest."),
  }),
);
export type PortalSessionResponse = z.infer<typeof portalSessionSchema>;

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

const { finalizesAt: _review, stripe: _stripe, ...summaryFields } = summarySchema.shape;
export const portalInvoicesSchema = z.strictObject({
  invoices: z.array(
    named(
      "PortalInvoice",
      "An issued invoice or credit note.",
      z.strictObject({
        ...summaryFields,
        payAt: about("The page where the customer pays; null: there is none.", z.nullable(z.string())),
      }),
    ),
  ),
  cursor: nextCursor(),
});
export type PortalInvoicesResponse = z.infer<typeof portalInvoicesSchema>;

const { finalizesAt: _finalizesAt, stripe: _atStripe, ...issuedSummary } = SUMMARY;
const BILLING: PortalBillingResponse = {
  ...EXAMPLE,
  segments: EXAMPLE.segments.map(({ revision: _of, ...segment }) => segment),
};
const SESSION: PortalSessionResponse = {
  account: "acme",
  name: "Acme GmbH",
  kind: "link",
  may: { keys: true, budget: true, tier: true },
  expiresAt: "2026-11-21T05:27:13.339Z",
};

const createPortalSession: OperationNotes = {
  tag: "Portal",
  summary: "Sign in to the portal with a key or a link: sets the cookie",
  description:
    "A session of a key lasts 12 hours, and as long as the key is valid. One of a link lasts 4 hours. The session in the request's cookie, if there is one, ends. An account has at most 50 sessions of each kind: beyond that, the oldest of the same kind ends; of sessions of keys, the oldest of the key that has most. Failed attempts are limited by address: 10 at once, then one every 6 seconds. Pages of other sites are rejected.",
  body: {
    examples: {
      "with a key": { key: "el_live_LOL7NOKYFzMd0lVCZTpLnv0fmtlH5k3du4tr" },
      "with a link": { link: "pQ1bX9kR3mYt5uV7wZ2aC4dE6fG8hJ0kL1nP3qS5tU7vW9xY2zA4bC.acme" },
    },
  },
  responses: [
    {
      status: 200,
      description: "Signed in.",
      contents: [json(portalSessionSchema, { session: SESSION })],
      headers: ["Cache-Control", "Set-Cookie"],
    },
  ],
  problems: CUSTOMER_PROBLEMS,
};

const getPortalSession: OperationNotes = {
  tag: "Portal",
  summary: "Whose session it is, and what it may change",
  description: "Computed anew each time: the key, the account and the policy may have changed.",
  responses: [answer(200, "The session.", portalSessionSchema, { session: SESSION })],
};

const deletePortalSession: OperationNotes = {
  tag: "Portal",
  summary: "Sign out of the portal: ends the session everywhere",
  description: "A copy of the cookie is useless from then on. Without a session, the response is 204 too.",
  responses: [{ status: 204, description: "Signed out.", headers: ["Cache-Control", "Set-Cookie"] }],
  problems: ["forbidden", "not_found", "flood", "temporary_reduced_capacity"],
};

const getPortalStatus: OperationNotes = {
  ...USAGE_NOTES.getAccountStatus,
  tag: "Portal",
  summary: "The customer's limits and usage now",
  description: "As the operator sees them, without limits in shadow. Costs nothing.",
};

const getPortalUsage: OperationNotes = {
  ...USAGE_NOTES.getUsage,
  tag: "Portal",
  summary: "The customer's usage, from the exact ledger",
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

const listPortalInvoices: OperationNotes = {
  tag: "Portal",
  summary: "The customer's invoices and credit notes",
  description: "Newest period first. Only those that are issued: a page may have fewer than `limit`.",
  query: PAGE,
  responses: [
    answer(200, "A page of invoices.", portalInvoicesSchema, {
      page: { invoices: [{ ...issuedSummary, payAt: null }], cursor: null },
    }),
  ],
};

const document = (notes: OperationNotes): OperationNotes => ({ ...notes, tag: "Portal" });
const getPortalDocumentPage = document(DOCUMENTS_NOTES.getDocumentPage);
const getPortalDocumentPdf = document(DOCUMENTS_NOTES.getDocumentPdf);
const getPortalDocumentCsv = document(DOCUMENTS_NOTES.getDocumentCsv);

const listPortalKeys: OperationNotes = {
  tag: "Portal",
  summary: "The customer's keys",
  description: "Never a key itself.",
  responses: [answer(200, "The keys.", keysSchema, { keys: { keys: [KEY] } })],
};

const MAY_KEYS =
  "403 unless the policy has `billing.portal.keys`, and for a session of a test key or of a key that ends by itself.";

const createPortalKey: OperationNotes = {
  tag: "Portal",
  summary: "Make a key, shown only in this response",
  description: `A live key with the scope \`call\`. ${MAY_KEYS}`,
  body: { fields: { name: DISPLAY_NAME }, examples: { key: { name: "Production" }, minimal: {} } },
  responses: [issued],
  problems: ["blocked", "conflict"],
};

const rotatePortalKey: OperationNotes = {
  tag: "Portal",
  summary: "Replace a key by a new one; the old one works for a grace period",
  description: `403 for a key with scopes other than \`call\`: only the operator replaces it. ${MAY_KEYS}`,
  body: {
    fields: { graceSeconds: "How long the old key still works. Default: a day. 0 ends it at once." },
    examples: { "an hour": { graceSeconds: 3_600 } },
  },
  responses: [issued],
  problems: ["blocked", "conflict"],
};

const revokePortalKey: OperationNotes = {
  tag: "Portal",
  summary: "Revoke a key at once",
  description: `Sessions that began with it end. ${MAY_KEYS}`,
  responses: [
    answer(200, "The key after the change.", keySchema, {
      revoked: { ...KEY, revokedAt: "2026-11-21T01:27:13.608Z" },
    }),
  ],
  problems: ["blocked"],
};

const ONLY_IF =
  "Only if the policy in force has `billing.portal`: otherwise, the policy's own routes have the path.";
const page = (notes: OperationNotes, summary: string): OperationNotes => ({
  ...notes,
  tag: "Portal",
  summary,
  description: ONLY_IF,
  problems: ["not_found"],
});

export const PORTAL_NOTES = {
  createPortalSession,
  getPortalSession,
  deletePortalSession,
  getPortalStatus,
  getPortalUsage,
  getPortalBilling,
  changePortalBudget,
  listPortalTiers,
  previewPortalTier,
  changePortalTier,
  listPortalInvoices,
  getPortalDocumentPage,
  getPortalDocumentPdf,
  getPortalDocumentCsv,
  listPortalKeys,
  createPortalKey,
  rotatePortalKey,
  revokePortalKey,
  portalPage: page(PAGES_NOTES.dashboard, "The customers' portal"),
  portalHome: page(PAGES_NOTES.dashboardHome, "The customers' portal, with a trailing slash"),
  portalScreen: page(PAGES_NOTES.dashboardScreen, "The customers' portal at one of its screens"),
  portalFile: page(PAGES_NOTES.dashboardFile, "The customers' portal's files"),
};
