/** The quota that is billed, in words and in shares of a bar: included, overage, and where requests stop. Pure. */
import { exact } from "../../../dashboard/src/shell/format.ts";
import type { Tone } from "../../../dashboard/src/kit/tone.ts";
import type { Allowance } from "../portal-api.ts";

/** The share of a cap from which the customer is warned. */
const NEAR = 0.8;
/** The length of the bar relative to what is included or used, if nothing caps the usage. */
const ROOM = 1.25;

const STOPS: Readonly<Record<NonNullable<Allowance["stop"]>, string>> = {
  included: "your plan",
  spend_cap: "your plan's spend cap",
  budget: "your budget",
  credits: "your credits",
};

const REMEDIES: Readonly<Record<NonNullable<Allowance["stop"]>, string>> = {
  included: "A larger plan includes more.",
  spend_cap: "Ask the provider of this API for a higher cap.",
  budget: "You can raise or remove the budget under Plan.",
  credits: "Ask the provider of this API how to add credits.",
};

/** Positions in the bar, 0 to 1. */
interface AllowanceBar {
  readonly included: number;
  readonly over: number;
  /** Where the included amount ends; null if that is the end of the bar, or nothing is included. */
  readonly includedEnd: number | null;
}

export function allowanceBar({ included, used, amount }: Allowance): AllowanceBar {
  const end = amount ?? Math.max(included, used) * ROOM;
  const share = (tokens: number): number => (end > 0 ? Math.min(1, Math.max(0, tokens / end)) : 0);
  const isInside = included > 0 && included < end;
  return {
    included: share(Math.min(used, included)),
    over: share(used) - share(Math.min(used, included)),
    includedEnd: isInside ? share(included) : null,
  };
}

/** "60,000 of 1,000,000 included tokens used", "1,000,000 included tokens used, and 1,234 beyond them" */
export function usedText({ included, used }: Allowance, unit: string): string {
  if (included === 0) return `${exact(used)} ${unit} used`;
  if (used <= included) return `${exact(used)} of ${exact(included)} included ${unit} used`;
  return `${exact(included)} included ${unit} used, and ${exact(used - included)} beyond them`;
}

/** What happens beyond the included amount. */
export function stopText({ mode, amount, stop, included }: Allowance, unit: string): string {
  if (amount === null || stop === null)
    return "Nothing stops requests: usage beyond what is included (the line) costs extra.";
  const at = `Requests stop at ${exact(amount)} ${unit}: ${STOPS[stop]}.`;
  return mode === "stop" || amount <= included
    ? at
    : `Usage beyond what is included (the line) costs extra. ${at}`;
}

interface Alert {
  readonly tone: Extract<Tone, "warning" | "error">;
  readonly text: string;
}

/**
 * A warning near the cap, an error at it. Null if enough is left or nothing caps the usage.
 * @param until when the period ends, in words.
 */
export function allowanceAlert({ included, used, amount, stop }: Allowance, until: string): Alert | null {
  if (amount === null || stop === null) return null;
  const cap = STOPS[stop];
  // Less than one token may be left: a period that began mid-month includes a fraction of the month's amount.
  if (amount - used < 1) {
    const text = `Requests are denied until ${until}: ${cap} is used up. ${REMEDIES[stop]}`;
    return { tone: "error", text };
  }
  // Caps of money begin where the included amount ends.
  const from = stop === "included" || amount <= included ? 0 : included;
  const share = (used - from) / (amount - from);
  if (share < NEAR) return null;
  const percent = Math.floor(100 * share);
  const text = `${percent} % of what ${cap} allows is used. At 100 %, requests are denied. ${REMEDIES[stop]}`;
  return { tone: "warning", text };
}
