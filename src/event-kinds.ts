/** The kinds of events that webhooks report: the one list of them. docs/webhooks.md describes each; a policy says which ones to report. */
export const EVENT_KINDS = [
  "account.created",
  "account.blocked",
  "account.tier_changed",
  "account.deleted",
  "key.created",
  "key.revoked",
  "key.expiring",
  "limit.denied",
  "alert.quota",
  "alert.budget",
  "alert.credits",
  "credit.granted",
  "credit.expired",
  "invoice.drafted",
  "invoice.issued",
  "invoice.paid",
  "invoice.past_due",
  "invoice.voided",
  "credit_note.issued",
  "policy.activated",
] as const;

export type EventKind = (typeof EVENT_KINDS)[number];
