/** The rows of an account's billing, read as values (billing-store.ts). A row that does not parse throws: a bill must not be guessed. */
import * as z from "zod/mini";
import type { BilledPeriod } from "../../../src/billing/billed-period.ts";
import type { Credit } from "../../../src/billing/credit.ts";
import type { Segment } from "../../../src/billing/segment.ts";
import type { Span } from "../../../src/core/calendar.ts";
import type { CreditKind, Customer } from "../../../src/objects/billing.ts";
import { CREDIT_KINDS } from "../../../src/objects/billing.ts";
import { readCustomer, readGrants, readTerms, readUsage } from "./stored-json.ts";

/** What belongs to no period. */
export interface BillingAccount {
  readonly customer: Customer;
  /** The account's own; null: the policy's. */
  readonly anchorDay: number | null;
  /** The customer's own cap, a decimal string. */
  readonly budget: string | null;
  readonly pendingTier: string | null;
  /** When the account's one trial ends or has ended; null: it had none. */
  readonly trialEndsMs: number | null;
  readonly firstOpenHour: number;
  /** Start of the open period; null: none is open. */
  readonly periodMs: number | null;
}

/** A credit as it is stored. */
export interface StoredCredit extends Credit {
  readonly kind: CreditKind;
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly source: string;
  readonly createdMs: number;
}

/** A period that has ended and has no invoice yet. */
export interface UnclosedPeriod extends Span {
  /** It ended before its time, and its usage is stored with it. */
  readonly isEarly: boolean;
}

const minor = z.pipe(
  z.string().check(z.regex(/^-?\d{1,40}$/)),
  z.transform((text: string) => BigInt(text)),
);
const ms = z.number();

const accountRow = z.object({
  customer: z.string(),
  anchor_day: z.nullable(z.int()),
  budget: z.nullable(z.string()),
  pending_tier: z.nullable(z.string()),
  trial_ends_ms: z.nullable(ms),
  first_open_hour: z.int(),
  period_ms: z.nullable(ms),
});

const periodRow = z.object({
  start_ms: ms,
  end_ms: ms,
  full_ms: ms,
  anchor_day: z.int(),
  currency: z.string(),
  cap_minor: z.nullable(minor),
  kept_minor: z.nullable(minor),
  grants: z.string(),
  usage_at_end: z.nullable(z.string()),
});

const unclosedRow = z.object({ start_ms: ms, end_ms: ms, is_early: z.int() });

const segmentRow = z.object({
  start_ms: ms,
  end_ms: ms,
  tier: z.string(),
  revision: z.int(),
  terms: z.string(),
  usage: z.string(),
});

const creditRow = z.object({
  credit_id: z.string(),
  kind: z.enum(CREDIT_KINDS),
  currency: z.string(),
  amount_minor: minor,
  left_minor: minor,
  effective_ms: ms,
  expires_ms: z.nullable(ms),
  source: z.string(),
  created_ms: ms,
});

type Row = Readonly<Record<string, SqlStorageValue>>;

export function toPeriod(found: Row, segments: readonly Segment[]): BilledPeriod {
  const row = periodRow.parse(found);
  return {
    period: { startMs: row.start_ms, endMs: row.end_ms, fullMs: row.full_ms },
    anchorDay: row.anchor_day,
    currency: row.currency,
    capMinor: row.cap_minor,
    keptMinor: row.kept_minor,
    grants: readGrants(row.grants),
    usageAtEnd: row.usage_at_end === null ? null : readUsage(row.usage_at_end),
    segments,
  };
}

export function toUnclosed(found: Row): UnclosedPeriod {
  const { start_ms: startMs, end_ms: endMs, is_early: isEarly } = unclosedRow.parse(found);
  return { startMs, endMs, isEarly: isEarly === 1 };
}

export function toAccount(found: Row): BillingAccount {
  const row = accountRow.parse(found);
  return {
    customer: readCustomer(row.customer),
    anchorDay: row.anchor_day,
    budget: row.budget,
    pendingTier: row.pending_tier,
    trialEndsMs: row.trial_ends_ms,
    firstOpenHour: row.first_open_hour,
    periodMs: row.period_ms,
  };
}

export function toSegment(found: Row): Segment {
  const row = segmentRow.parse(found);
  return {
    startMs: row.start_ms,
    endMs: row.end_ms,
    tier: row.tier,
    revision: row.revision,
    terms: readTerms(row.terms),
    usageAtStart: readUsage(row.usage),
  };
}

export function toCredit(found: Row): StoredCredit {
  const row = creditRow.parse(found);
  return {
    id: row.credit_id,
    kind: row.kind,
    currency: row.currency,
    amountMinor: row.amount_minor,
    leftMinor: row.left_minor,
    effectiveMs: row.effective_ms,
    expiresMs: row.expires_ms,
    source: row.source,
    createdMs: row.created_ms,
  };
}
