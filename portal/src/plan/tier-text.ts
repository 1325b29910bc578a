/** Tiers and changes of tier in words. Pure. */
import { exact } from "../../../dashboard/src/shell/format.ts";
import { money } from "../money.ts";
import { lastDay } from "../../../dashboard/src/shell/moment.ts";
import type { PortalTier, TierPreview } from "../portal-api.ts";

const BEYOND: Readonly<Record<PortalTier["overage"], string>> = {
  stop: "Requests stop there.",
  payg: "More costs extra",
  prepaid: "More is paid from credits",
};

/** "$99.00 a month" */
export function baseText(base: string, currency: string): string {
  return Number(base) === 0 ? "No base fee" : `${money(base, currency)} a month`;
}

/** "1,000,000 tokens a month included. More costs extra, in USD: 0.0005 each." */
export function includedText({ included, overage, price }: PortalTier, currency: string): string {
  if (included === null) return "No monthly limit.";
  const beyond =
    overage === "stop"
      ? BEYOND.stop
      : `${BEYOND[overage]}${price === null ? "" : `, in ${currency}: ${price}`}.`;
  return `${exact(included)} tokens a month included. ${beyond}`;
}

/** What a change costs: named facts in chronological order. */
export function previewFacts(
  { at, effectiveAt, periodEnd, currency, before, after, next }: TierPreview,
  nowMs: number,
): readonly (readonly [name: string, text: string])[] {
  const end = lastDay(periodEnd, nowMs);
  const isNow = at === "now";
  const change = before.due === after.due ? "as before" : `instead of ${money(before.due, currency)}`;
  return [
    ["Begins", isNow ? "now" : `after ${lastDay(effectiveAt, nowMs)}`],
    ["Now", "nothing to pay: it is billed when the period ends"],
    [
      "Next invoice",
      `${money(after.due, currency)} for the period until ${end}, ${change}, if no usage follows`,
    ],
    ["Later", `${money(next.due, currency)} a period, and usage`],
  ];
}
