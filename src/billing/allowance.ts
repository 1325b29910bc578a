/**
 * The allowance of an account: up to where its overage quota is covered by the base fee, where it stops, and why there.
 *
 * The seam between the account's billing and its decisions: the object computes it when the account, its credits, its segment, its terms
 * or a cap change, and puts the two amounts into the quota. A decision compares integers and never sees money.
 *
 * Pure: no I/O and no clock.
 */
import type { QuotaCap } from "../core/calendar-quota.ts";
import { type CurrentSegment, hardStopMilli } from "./cap.ts";
import { type Caps, ceilingsOf, roomMinor } from "./ceiling.ts";
import { freeMilli, includedMilli } from "./included.ts";
import type { Line } from "./line.ts";
import { isMonotonic } from "./price.ts";
import type { TaxRate } from "./tax.ts";
import type { OverageMode } from "./terms.ts";
import { quantityMilli } from "./usage.ts";

/** What an allowance follows from. */
export interface AllowanceBasis {
  /** The current segment; its end is the period's. */
  readonly segment: CurrentSegment;
  /** The lines of the period's earlier segments (`ratePeriod`): caps count what they charged. */
  readonly earlier: readonly Line[];
  /** Those in force now, whatever the segment's terms say. `balanceMinor` counts in mode `prepaid` only, where null is none at all. */
  readonly caps: Caps;
  /** The tax rates that apply to the customer: a prepaid balance pays tax too. */
  readonly rates: readonly TaxRate[];
  /** What takes the place of included usage (`unpaidMilli`): the quota stops earlier by that. Default: 0. */
  readonly unpaidMilli?: number;
  /** Length of the whole month (`Period.fullMs`). */
  readonly fullMs: number;
  /** Of the currency (`exponentOf`). */
  readonly exponent: number;
}

/** Why a quota stops where it does. `included`: mode `stop`. */
export type StopReason = "included" | QuotaCap;

/** Both amounts are millitokens since the period began, as the ledger counts them: a quota's counter may need an offset. */
export interface Allowance {
  /** Name of the quota. */
  readonly limit: string;
  /** Usage up to here costs nothing beyond the base fee. */
  readonly includedMilli: number;
  /** No usage beyond this; null: nothing caps it. Equal to `includedMilli` in mode `stop`. */
  readonly amountMilli: number | null;
  /** null exactly if `amountMilli` is. */
  readonly stop: StopReason | null;
}

/** No caps at all. */
export const NO_CAPS: Caps = { spendCap: null, budget: null, balanceMinor: null };

/** The caps in the order in which they are named if several stop at the same amount: first what the customer cannot change. */
export const CAPS = [
  ["spendCap", "spend_cap"],
  ["budget", "budget"],
  ["balanceMinor", "credits"],
] as const satisfies readonly (readonly [keyof Caps, StopReason])[];

/**
 * The allowance in the current segment; null if its terms have no overage quota.
 *
 * A price that can fall cannot be capped (`mayBeCapped`). If there is a cap all the same, since the policy has changed after an account
 * got a budget, the quota stops at the included amount.
 * @throws RangeError if a cap is not an amount.
 */
export function allowanceOf(basis: AllowanceBasis): Allowance | null {
  const { segment, earlier, unpaidMilli = 0, fullMs, exponent, rates } = basis;
  const { quota } = segment.terms;
  if (quota === null) return null;
  const startMilli = quantityMilli(segment.usageAtStart, null, quota.unit);
  const included = startMilli + includedMilli(segment, fullMs);
  const free = startMilli + freeMilli(segment, fullMs, unpaidMilli);
  if (quota.price === null) {
    return { limit: quota.name, includedMilli: free, amountMilli: free, stop: "included" };
  }
  const of = { limit: quota.name, includedMilli: included };

  const caps = capsIn(quota.mode, basis.caps);
  let least: { readonly stop: StopReason; readonly room: bigint } | null = null;
  for (const [cap, stop] of CAPS) {
    if (caps[cap] === null) continue;
    const ceilings = ceilingsOf({ ...NO_CAPS, [cap]: caps[cap] }, rates, exponent);
    const room = roomMinor(quota.mode, ceilings, earlier);
    if (room !== null && (least === null || room < least.room)) least = { stop, room };
  }
  if (least === null) return { ...of, amountMilli: null, stop: null };
  if (!isMonotonic(quota.price)) return { ...of, amountMilli: free, stop: least.stop };
  const ceilings = ceilingsOf(caps, rates, exponent);
  const amountMilli = hardStopMilli(segment, earlier, { fullMs, exponent, ceilings, unpaidMilli });
  return { ...of, amountMilli, stop: least.stop };
}

/** The caps that count in a mode. */
export function capsIn(mode: OverageMode, caps: Caps): Caps {
  return mode === "prepaid" ? funded(caps) : { ...caps, balanceMinor: null };
}

/** Without credits, a prepaid account has a balance of 0, not an unlimited one. */
function funded(caps: Caps): Caps {
  return { ...caps, balanceMinor: caps.balanceMinor ?? 0n };
}
