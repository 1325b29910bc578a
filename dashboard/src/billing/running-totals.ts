/** What the open periods of all accounts have come to, added page by page. Bounded. Pure. */
import type { RunningAccount, RunningPage } from "../shell/answers.ts";
import { digitsOf, partsOf } from "./money.ts";

export interface RunningTotals {
  /** Of the last page; null before the first. */
  readonly computedAt: string | null;
  readonly currency: string;
  readonly costPerMillion: string | null;
  readonly accounts: number;
  readonly failed: readonly string[];
  /** Accounts whose open period is in another currency, which cannot be added. */
  readonly others: number;
  readonly requests: number;
  /** In 10^-12 of the currency's major unit. */
  readonly base: bigint;
  readonly subtotal: bigint;
  readonly overage: bigint;
  /** What the requests cost by the policy's estimate; null without one. */
  readonly cost: bigint | null;
  /** Digits after the point in the currency's amounts. */
  readonly digits: number;
  /** The accounts with the most overage, the largest first. */
  readonly largest: readonly RunningAccount[];
}

export const MAX_LARGEST = 10;

export const NOTHING: RunningTotals = {
  computedAt: null,
  currency: "",
  costPerMillion: null,
  accounts: 0,
  failed: [],
  others: 0,
  requests: 0,
  base: 0n,
  subtotal: 0n,
  overage: 0n,
  cost: null,
  digits: 0,
  largest: [],
};

export function withPage(totals: RunningTotals, page: RunningPage): RunningTotals {
  const { computedAt, currency, costPerMillion } = page;
  const accounts = page.accounts.filter((account) => account.currency === currency);
  const sum = (of: "base" | "subtotal" | "overage") =>
    accounts.reduce((all, account) => all + partsOf(account[of]), totals[of]);
  const requests = accounts.reduce((all, account) => all + account.requests, totals.requests);
  return {
    computedAt,
    currency,
    costPerMillion,
    accounts: totals.accounts + accounts.length,
    failed: [...totals.failed, ...page.failed],
    others: totals.others + page.accounts.length - accounts.length,
    requests,
    base: sum("base"),
    subtotal: sum("subtotal"),
    overage: sum("overage"),
    cost: costPerMillion === null ? null : (partsOf(costPerMillion) * BigInt(requests)) / 1_000_000n,
    digits: Math.max(totals.digits, ...accounts.map(({ subtotal }) => digitsOf(subtotal))),
    largest: [...totals.largest, ...accounts]
      .filter(({ overage }) => partsOf(overage) > 0n)
      .toSorted((a, b) => Number(partsOf(b.overage) - partsOf(a.overage)))
      .slice(0, MAX_LARGEST),
  };
}
