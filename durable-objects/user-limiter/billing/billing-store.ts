/**
 * The rows of an account's billing as values (billing-rows.ts). Read into memory when they are first needed and changed only here, so a
 * decision costs no read. An account of a policy without billing has no rows, and loading it reads none.
 */
import type { BilledPeriod } from "../../../src/billing/billed-period.ts";
import type { Segment } from "../../../src/billing/segment.ts";
import type { Customer } from "../../../src/objects/billing.ts";
import { readCustomer } from "./stored-json.ts";
import type { AccountEvents } from "../../events/account-events.ts";
import {
  type BillingAccount,
  type StoredCredit,
  toAccount,
  toCredit,
  toPeriod,
  toSegment,
  toUnclosed,
  type UnclosedPeriod,
} from "./billing-rows.ts";
import { creditData } from "./document-events.ts";

export class BillingStore {
  readonly #sql: SqlStorage;
  readonly #events: () => AccountEvents | null;
  #account: BillingAccount | null = null;
  #period: BilledPeriod | null = null;
  #credits: readonly StoredCredit[] | null = null;

  /** @param hasTables whether there are tables. */
  constructor(sql: SqlStorage, hasTables: boolean, events: () => AccountEvents | null = () => null) {
    this.#sql = sql;
    this.#events = events;
    if (!hasTables) return;
    for (const row of sql.exec("SELECT * FROM billing")) this.#account = toAccount(row);
  }

  /** Null until billing begins for the account. */
  get account(): BillingAccount | null {
    return this.#account;
  }

  /** The open period; null if there is none. */
  get period(): BilledPeriod | null {
    const startMs = this.#account?.periodMs ?? null;
    if (startMs === null) return null;
    return (this.#period ??= this.#read(startMs));
  }

  get credits(): readonly StoredCredit[] {
    if (this.#account === null) return [];
    return (this.#credits ??= this.#sql
      .exec("SELECT * FROM credits ORDER BY created_ms, credit_id")
      .toArray()
      .map(toCredit));
  }

  /** The periods that have ended, oldest first. */
  ended(): BilledPeriod[] {
    return this.#sql
      .exec<{ start_ms: number }>(
        "SELECT start_ms FROM periods WHERE start_ms IS NOT ? ORDER BY start_ms",
        this.#account?.periodMs ?? null,
      )
      .toArray()
      .map(({ start_ms: startMs }) => this.#read(startMs));
  }

  /** The ended periods without an invoice, oldest first: only when they are due, so that a faulty one does not hide the others. */
  unclosed(): UnclosedPeriod[] {
    return this.#sql
      .exec(
        `SELECT start_ms, end_ms, usage_at_end IS NOT NULL AS is_early FROM periods
         WHERE start_ms IS NOT ? AND start_ms NOT IN (SELECT period_ms FROM invoices) ORDER BY start_ms`,
        this.#account?.periodMs ?? null,
      )
      .toArray()
      .map(toUnclosed);
  }

  /** The period that began then. @throws if there is none. */
  at(startMs: number): BilledPeriod {
    return this.#read(startMs);
  }

  /** The earliest start of another period: none overlaps, and each has a start of its own. */
  nextStartMs(): number {
    const { end } = this.#sql
      .exec<{ end: number | null }>("SELECT max(max(end_ms, start_ms + 1)) AS end FROM periods")
      .one();
    return end ?? -Infinity;
  }

  putAccount(account: BillingAccount): void {
    const { customer, anchorDay, budget, pendingTier, trialEndsMs, firstOpenHour, periodMs } = account;
    this.#sql.exec(
      `INSERT OR REPLACE INTO billing
         (id, customer, anchor_day, budget, pending_tier, trial_ends_ms, first_open_hour, period_ms)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?)`,
      JSON.stringify(customer),
      anchorDay,
      budget,
      pendingTier,
      trialEndsMs,
      firstOpenHour,
      periodMs,
    );
    if (periodMs !== this.#account?.periodMs) this.#period = null;
    this.#account = account;
  }

  /** Stores a period and its segments. Of segments, writes only those that differ from the stored ones, the last two at most. */
  putPeriod(billed: BilledPeriod): void {
    const { period, anchorDay, currency, capMinor, keptMinor, grants, usageAtEnd, segments } = billed;
    const { startMs } = period;
    const stored = this.#account?.periodMs === startMs ? (this.#period?.segments ?? []) : [];
    this.#sql.exec(
      `INSERT OR REPLACE INTO periods
         (start_ms, end_ms, full_ms, anchor_day, currency, cap_minor, kept_minor, grants, usage_at_end)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      startMs,
      period.endMs,
      period.fullMs,
      anchorDay,
      currency,
      capMinor === null ? null : String(capMinor),
      keptMinor === null ? null : String(keptMinor),
      JSON.stringify(grants),
      usageAtEnd && JSON.stringify(usageAtEnd),
    );
    segments.forEach((segment, number) => {
      if (stored[number] !== segment) this.#putSegment(startMs, number, segment);
    });
    this.#sql.exec("DELETE FROM segments WHERE period_ms = ? AND number >= ?", startMs, segments.length);
    if (this.#account?.periodMs === startMs) this.#period = billed;
  }

  addCredit(credit: StoredCredit): void {
    this.#sql.exec(
      `INSERT INTO credits
         (credit_id, kind, currency, amount_minor, left_minor, effective_ms, expires_ms, source, created_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      credit.id,
      credit.kind,
      credit.currency,
      String(credit.amountMinor),
      String(credit.leftMinor),
      credit.effectiveMs,
      credit.expiresMs,
      credit.source,
      credit.createdMs,
    );
    this.#events()?.put("credit.granted", creditData(credit), credit.createdMs);
    this.#credits = null;
  }

  /** Erases what credits were given for. */
  eraseSources(): void {
    this.#sql.exec("UPDATE credits SET source = 'erased ' || credit_id");
    this.#credits = null;
  }

  /** Whose name the invoice of a period has that ended then: of an erased account, that of before. */
  customerAt(endMs: number): Customer {
    const [erased] = this.#sql
      .exec<{ customer: string | null }>(
        "SELECT customer FROM erasures WHERE at_ms >= ? ORDER BY at_ms LIMIT 1",
        endMs,
      )
      .toArray();
    return erased?.customer ? readCustomer(erased.customer) : (this.#account?.customer ?? {});
  }

  /** Sets what is left of a credit. */
  setLeft(id: string, leftMinor: bigint): void {
    this.#sql.exec("UPDATE credits SET left_minor = ? WHERE credit_id = ?", String(leftMinor), id);
    this.#credits = null;
  }

  #putSegment(periodMs: number, number: number, segment: Segment): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO segments (period_ms, number, start_ms, end_ms, tier, revision, terms, usage)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      periodMs,
      number,
      segment.startMs,
      segment.endMs,
      segment.tier,
      segment.revision,
      JSON.stringify(segment.terms),
      JSON.stringify(segment.usageAtStart),
    );
  }

  #read(startMs: number): BilledPeriod {
    const found = this.#sql.exec("SELECT * FROM periods WHERE start_ms = ?", startMs).one();
    const segments = this.#sql
      .exec("SELECT * FROM segments WHERE period_ms = ? ORDER BY number", startMs)
      .toArray()
      .map(toSegment);
    return toPeriod(found, segments);
  }
}
