/** An account's credits: given once for each source, taken back as far as nothing has accrued on them, and shown. */
import type { BilledPeriod } from "../../../src/billing/billed-period.ts";
import { formatMinor, minorToFemto, parsePrice, roundToMinor } from "../../../src/billing/money.ts";
import type { CreditRejection, CreditView, NewCredit } from "../../../src/objects/billing.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { BillingDesk } from "./billing-desk.ts";
import type { StoredCredit } from "./billing-rows.ts";
import { decimalsOf } from "./offers.ts";

/** Bounds the object's memory, and the work of a bill. */
const MAX_CREDITS = 500;

/** A credit to be stored, or the one that its source has given before. */
export type Given =
  | { readonly kind: "new" | "given"; readonly credit: StoredCredit }
  | { readonly kind: "rejected"; readonly rejection: CreditRejection };

/** The credit of this input, in the open period. Changes nothing. */
export function givenBy(
  { kind, id, amount, currency, effectiveMs, expiresMs, source }: NewCredit,
  credits: readonly StoredCredit[],
  billed: BilledPeriod,
  nowMs: number,
): Given {
  if (currency !== null && currency !== billed.currency) {
    return rejected({ kind: "currency-differs", currency: billed.currency });
  }
  const decimals = decimalsOf(billed.currency);
  const amountMinor = wholeMinor(amount, decimals);
  if (amountMinor === null) return rejected({ kind: "bad-amount", decimals });
  const before = credits.find((credit) => credit.source === source);
  if (before !== undefined) {
    const isSame =
      before.kind === kind && before.amountMinor === amountMinor && before.currency === billed.currency;
    return isSame ? { kind: "given", credit: before } : rejected({ kind: "source-used", id: before.id });
  }
  const { startMs } = billed.period;
  const fromMs = effectiveMs ?? nowMs;
  if (fromMs < startMs || (expiresMs !== null && expiresMs < startMs)) {
    return rejected({ kind: "period-closed", startMs });
  }
  if (credits.length >= MAX_CREDITS) return rejected({ kind: "too-many" });
  const minor = { amountMinor, leftMinor: amountMinor };
  const times = { effectiveMs: fromMs, expiresMs, createdMs: nowMs };
  return { kind: "new", credit: { id, kind, currency: billed.currency, ...minor, ...times, source } };
}

/** What is left of a credit and pays nothing that has accrued, or may have by what is lent. */
export function unaccruedMinor(desk: BillingDesk, policy: Policy, credit: StoredCredit): bigint {
  const billed = desk.current();
  const { credits } = desk.context(policy, credit.currency);
  const leftMinor = credits.find(({ id }) => id === credit.id)?.leftMinor ?? 0n;
  if (billed === null || billed.currency !== credit.currency) return leftMinor;
  const applied = desk.billWithLent(policy, billed).totals.credits.find(({ id }) => id === credit.id);
  return leftMinor - (applied?.minor ?? 0n);
}

/** All credits of the account, with what ended periods leave of each. */
export function creditViews(desk: BillingDesk, policy: Policy): CreditView[] {
  const { credits } = desk.store;
  const left = new Map<string, bigint>();
  for (const currency of new Set(credits.map((credit) => credit.currency))) {
    for (const { id, leftMinor } of desk.context(policy, currency).credits) left.set(id, leftMinor);
  }
  return credits.map((credit) =>
    creditView({ ...credit, leftMinor: left.get(credit.id) ?? credit.leftMinor }),
  );
}

export function creditView(credit: StoredCredit): CreditView {
  const { id, kind, currency, amountMinor, leftMinor, effectiveMs, expiresMs, source, createdMs } = credit;
  const exponent = decimalsOf(currency);
  const [amount, left] = [amountMinor, leftMinor].map((minor) => formatMinor(minor, exponent));
  return {
    id,
    kind,
    currency,
    amount: amount ?? "",
    left: left ?? "",
    effectiveMs,
    expiresMs,
    source,
    createdMs,
  };
}

function rejected(rejection: CreditRejection): Given {
  return { kind: "rejected", rejection };
}

/** An amount above 0 in whole minor units; null if it is not one. */
function wholeMinor(amount: string, exponent: number): bigint | null {
  const femto = parsePrice(amount);
  if (femto === null || femto === 0n) return null;
  const minor = roundToMinor(femto, exponent);
  return minorToFemto(minor, exponent) === femto ? minor : null;
}
