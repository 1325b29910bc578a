/**
 * Credits: amounts that a customer has already paid or was given. They pay a total, after tax, and never more than it.
 *
 * The credit that expires first pays first. A credit expires at the end of the period that contains its expiry, so it pays the bill of
 * that period.
 */
import type { Period } from "./period.ts";

/** A credit as far as a bill needs it. */
export interface Credit {
  readonly id: string;
  /** What is left, in minor units, not negative. */
  readonly leftMinor: bigint;
  readonly effectiveMs: number;
  /** null: never. */
  readonly expiresMs: number | null;
}

/** What a credit pays of a total; above 0. */
export interface AppliedCredit {
  readonly id: string;
  readonly minor: bigint;
}

/** The credits that may pay the bill of a period, in the order in which they do. */
export function usableCredits(credits: readonly Credit[], { startMs, endMs }: Period): Credit[] {
  return credits
    .filter(({ effectiveMs, expiresMs, leftMinor }) => {
      const isInForce = effectiveMs < endMs && (expiresMs === null || expiresMs >= startMs);
      return isInForce && leftMinor > 0n;
    })
    .toSorted(inOrder);
}

/** What the credits in force can pay: the balance of a prepaid account. */
export function balanceMinor(credits: readonly Credit[], period: Period): bigint {
  return usableCredits(credits, period).reduce((sum, { leftMinor }) => sum + leftMinor, 0n);
}

/** Pays as much as possible of a total with the credits in force. A total of 0 or less takes nothing. */
export function applyCredits(
  credits: readonly Credit[],
  totalMinor: bigint,
  period: Period,
): AppliedCredit[] {
  let unpaid = totalMinor;
  const applied: AppliedCredit[] = [];
  for (const { id, leftMinor } of usableCredits(credits, period)) {
    if (unpaid <= 0n) break;
    const minor = leftMinor < unpaid ? leftMinor : unpaid;
    applied.push({ id, minor });
    unpaid -= minor;
  }
  return applied;
}

function inOrder(a: Credit, b: Credit): number {
  const [aExpires, bExpires] = [a.expiresMs ?? Infinity, b.expiresMs ?? Infinity];
  if (aExpires !== bExpires) return aExpires < bExpires ? -1 : 1;
  if (a.effectiveMs !== b.effectiveMs) return a.effectiveMs - b.effectiveMs;
  return a.id < b.id ? -1 : 1;
}
