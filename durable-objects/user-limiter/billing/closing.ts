/**
 * Closing an account's billing periods: each gets its draft when all its hours are frozen, and its invoice is made final and becomes past
 * due at its time (invoicing.ts). docs/billing.md describes the steps.
 *
 * Each step is one transaction, so a crash leaves the state before or after it, and the step is due again. Nothing here runs per
 * decision but a comparison ({@link Closing.dueMs}).
 */
import { lastSegment } from "../../../src/billing/billed-period.ts";
import type { AccountEvents } from "../../events/account-events.ts";
import { takeCredits } from "./applied-credits.ts";
import type { UnclosedPeriod } from "./billing-rows.ts";
import type { ClosingRules } from "./closing-rules.ts";
import { creditData } from "./document-events.ts";
import { Invoicing, type InvoicingParts } from "./invoicing.ts";
import { draftOf } from "./period-draft.ts";
import { closeAtMs, UnclosedPeriods } from "./unclosed-periods.ts";

export interface ClosingParts extends InvoicingParts {
  /** What queues the account's events; null: the policy reports none. */
  readonly events: () => AccountEvents | null;
}

export class Closing {
  readonly #parts: ClosingParts;
  /** What happens to the invoices of closed periods. */
  readonly invoicing: Invoicing;
  readonly #unclosed: UnclosedPeriods;

  constructor(parts: ClosingParts) {
    this.#parts = parts;
    this.invoicing = new Invoicing(parts);
    this.#unclosed = new UnclosedPeriods(parts.desk);
  }

  /** When the next step is due; Infinity: nothing is billed. Of the open period, when it will be closed. */
  get dueMs(): number {
    if (this.#parts.desk.store.account === null) return Infinity;
    return Math.min(this.#unclosed.dueMs, this.#parts.invoices.due.dueMs);
  }

  /** Whether an invoice is past due. */
  get hasOverdue(): boolean {
    return this.#parts.desk.store.account !== null && this.#parts.invoices.due.hasOverdue;
  }

  /** Whether a period that has ended until this moment has no numbered invoice yet, but may get one, or a credit note of it. */
  hasOpenBills(untilMs: number, nowMs: number): boolean {
    const { desk, invoices } = this.#parts;
    const hasUnclosed = desk.store.unclosed().some(({ endMs }) => endMs <= untilMs);
    return hasUnclosed || invoices.hasUnnumbered(untilMs, nowMs);
  }

  /** The policy's revision that the last segment was rated by of what is due to be closed; null: nothing is. */
  dueRevision(nowMs: number): number | null {
    const due = this.#unclosed.due(nowMs).at(-1);
    return due ? lastSegment(this.#parts.desk.store.at(due.startMs)).revision : null;
  }

  /**
   * Does what is due. Call in a transaction, after the desk has advanced to `nowMs` and late leases are settled.
   * @param rules null only if no period is due to be closed ({@link dueRevision}).
   * @returns whether it changed anything.
   */
  run(rules: ClosingRules | null, nowMs: number): boolean {
    const due = this.#unclosed.due(nowMs);
    for (const unclosed of due) {
      if (rules === null) throw new Error("closing a period needs the policy's billing");
      this.#close(unclosed, rules, nowMs);
    }
    const { invoices } = this.#parts;
    const final = invoices.withStatus("draft").filter(({ finalizeMs }) => nowMs >= finalizeMs);
    for (const invoice of final) this.invoicing.finalize(invoice, nowMs);
    const late = invoices.withStatus("issued").filter(({ dueMs }) => dueMs !== null && nowMs >= dueMs);
    for (const invoice of late) this.invoicing.change(invoice, { status: "past_due" }, nowMs);
    return due.length + final.length + late.length > 0;
  }

  /** Drafts the invoice of a period. */
  #close(unclosed: UnclosedPeriod, rules: ClosingRules, nowMs: number): void {
    const { desk, accounts, invoices } = this.#parts;
    const { account } = desk.store;
    const { user } = accounts;
    if (account === null || user === null) throw new Error("a period without an account");
    // The hours of the period are frozen from here on, even if the clock steps back.
    desk.putAccount(account, nowMs);
    const billed = desk.store.at(unclosed.startMs);
    const carried = invoices.uncarried().filter(({ document }) => document.currency === billed.currency);
    const reviewFromMs = Math.max(nowMs, closeAtMs(unclosed));
    const draft = draftOf(desk, billed, rules, user, carried, reviewFromMs);
    takeCredits(desk, draft.document);
    this.#reportExpired(billed.period.endMs, nowMs);
    for (const invoice of carried) invoices.putNext({ ...invoice, carriedToMs: unclosed.startMs });
    invoices.put(draft);
    this.#unclosed.changed();
  }

  /** Credits expire with the period that contains their expiry date: what its draft leaves of them pays nothing more. */
  #reportExpired(endMs: number, nowMs: number): void {
    const events = this.#parts.events();
    if (events === null) return;
    for (const credit of this.#parts.desk.store.credits) {
      const isExpired = credit.expiresMs !== null && credit.expiresMs < endMs && credit.leftMinor > 0n;
      if (isExpired) events.creditExpired(credit.id, creditData(credit), nowMs);
    }
  }
}
