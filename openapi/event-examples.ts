/** What each kind of event reports, with an example of its data: for the API's documentation, and checked against docs/webhooks.md. */
import type { EventKind } from "../src/event-kinds.ts";

interface EventExample {
  /** When it is reported: a sentence. */
  readonly when: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const ACCOUNT = { account: "acme", tier: "pro" };
const KEY = {
  account: "acme",
  keyId: "7c49bc07-717d-4019-a06b-602410bbae61",
  scopes: ["call"],
  expiresAt: "2027-11-21T00:00:00.000Z",
};
const PERIOD = { periodStart: "2026-11-01T00:00:00.000Z", periodEnd: "2026-12-01T00:00:00.000Z" };
const INVOICE = {
  account: "acme",
  invoice: "acme.20261101",
  number: "INV-000017",
  status: "issued",
  currency: "USD",
  total: "236.81",
  ...PERIOD,
  dueAt: "2026-12-15T03:12:00.000Z",
};
const CREDIT = {
  account: "acme",
  creditId: "53785454-7f36-46e0-81d9-d419105b9357",
  kind: "promotional",
  currency: "USD",
  amount: "50.00",
  left: "50.00",
  expires: "2027-01-31T00:00:00.000Z",
};

export const EVENT_EXAMPLES: Readonly<Record<EventKind, EventExample>> = {
  "account.created": { when: "An account is created, also by an import.", data: ACCOUNT },
  "account.blocked": { when: "An account is blocked.", data: ACCOUNT },
  "account.tier_changed": {
    when: "An account's tier changes, at once or at the end of its billing period.",
    data: { ...ACCOUNT, before: "free" },
  },
  "account.deleted": { when: "An account is deleted. Its keys are revoked first.", data: ACCOUNT },
  "key.created": {
    when: "A key is issued, imported, or made by a rotation, which it then names in `replaces`.",
    data: { ...KEY, replaces: null },
  },
  "key.revoked": { when: "A key is revoked.", data: KEY },
  "key.expiring": {
    when: "A key expires in seven days; or, of a key with a life of less than two weeks, when half of that is over.",
    data: KEY,
  },
  "limit.denied": {
    when: "A limit denies a request of an account: the first time in each hour (UTC). Never for addresses.",
    data: { account: "acme", limits: ["minute"], tier: "pro" },
  },
  "alert.quota": {
    when: "Usage reaches a threshold of what is included, or of the spend cap (`of`).",
    data: {
      account: "acme",
      limit: "month",
      of: "included",
      percent: 80,
      used: 800_000,
      amount: 1_000_000,
      ...PERIOD,
    },
  },
  "alert.budget": {
    when: "Overage reaches a threshold of the customer's own budget.",
    data: {
      account: "acme",
      limit: "month",
      of: "budget",
      percent: 50,
      used: 1_166_667,
      amount: "100",
      currency: "USD",
      ...PERIOD,
    },
  },
  "alert.credits": {
    when: "Usage reaches a threshold of the prepaid credits.",
    data: {
      account: "acme",
      limit: "month",
      of: "credits",
      percent: 100,
      used: 50_000,
      amount: "50.00",
      currency: "USD",
      ...PERIOD,
    },
  },
  "credit.granted": { when: "A credit is given, once for each source.", data: CREDIT },
  "credit.expired": {
    when: "A credit has expired with something left: reported when the period that contains its expiry date is invoiced.",
    data: { ...CREDIT, left: "12.50" },
  },
  "invoice.drafted": {
    when: "A billing period has ended, and its draft can be reviewed.",
    data: { ...INVOICE, number: null, status: "draft", dueAt: null },
  },
  "invoice.issued": { when: "An invoice has its number.", data: INVOICE },
  "invoice.paid": {
    when: "An invoice is paid, or credited in full.",
    data: { ...INVOICE, status: "paid", dueAt: null },
  },
  "invoice.past_due": { when: "An invoice is not paid in time.", data: { ...INVOICE, status: "past_due" } },
  "invoice.voided": { when: "An invoice is voided.", data: { ...INVOICE, status: "void", dueAt: null } },
  "credit_note.issued": {
    when: "A credit note has its number.",
    data: {
      account: "acme",
      creditNote: "acme.20261101.c001",
      invoice: "acme.20261101",
      number: "INV-CN-000003",
      currency: "USD",
      total: "19.00",
      ...PERIOD,
      dueAt: null,
    },
  },
  "policy.activated": {
    when: "A revision of the policy takes effect.",
    data: { revision: 8, actor: "admin-token", reason: "Autumn prices", restores: null },
  },
};
