/** Limits, and changes to them, in words. Pure. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../shell/durations.ts";
import { count, duration, exact } from "../shell/format.ts";
import type { Account, Inherited, LimitNumbers, LimitReading } from "../shell/answers.ts";
import type { TierLimits } from "./account-api.ts";
import { levelAt, refillPerMs, shareOf } from "./limit-level.ts";

/** Refill rates use the shortest unit that refills at least one token. */
const PACES: readonly (readonly [unit: string, ms: number])[] = [
  ["second", SECOND_MS],
  ["minute", MINUTE_MS],
  ["hour", HOUR_MS],
];
const SLOWEST = ["day", DAY_MS] as const;

const NEARLY_EMPTY = 0.1;
/** From this limit on, parts of tokens say nothing. */
const WHOLE_TOKENS = 20;

/** What is left, rounded down as limit headers are, unless the limit is so small that parts of a token matter. */
export function leftText({ kind, limit }: LimitReading, level: number): string {
  return exact(kind === "concurrency" || limit >= WHOLE_TOKENS ? Math.floor(level) : level);
}

/** An extra amount to begin with: half of the limit, in one or two digits that are easy to read. */
export function usualExtra({ limit }: LimitReading): number {
  const half = Math.max(1, limit / 2);
  const step = 10 ** Math.max(0, Math.floor(Math.log10(half)) - 1);
  return Math.ceil(half / step) * step;
}

/** What the API reports as the limit of a quota that nothing caps (src/core/calendar-quota.ts). */
const UNCAPPED = 2 ** 50 / 1000;

/** Whether nothing limits the quota: its usage is billed, whatever it is. */
export function isUncapped({ limit, included }: LimitReading): boolean {
  return included !== undefined && limit >= UNCAPPED;
}

/** "147" and "of 150 tokens left", or "1,234" and "tokens used, no cap". */
export function levelParts(reading: LimitReading, level: number): readonly [figure: string, rest: string] {
  const counted = reading.unit ?? "tokens";
  if (isUncapped(reading)) return [exact(Math.round(reading.limit - level)), `${counted} used, no cap`];
  const unit = reading.kind === "concurrency" ? "slots free" : `${counted} left`;
  return [leftText(reading, level), `of ${exact(reading.limit)} ${unit}`];
}

/** Names what each limit counts, if that is not the same for all: requests, unless it says otherwise. */
export function withUnits(readings: readonly LimitReading[]): readonly LimitReading[] {
  if (readings.every(({ unit }) => unit === undefined)) return readings;
  return readings.map((reading) => ({ unit: "requests", ...reading }));
}

/** "1 request, 4,000 tokens" */
export function amountsText(cost: number, units: Readonly<Record<string, number>> = {}): string {
  const all = Object.entries({ requests: cost, ...units }).filter(([, amount]) => amount > 0);
  return all
    .map(([unit, amount]) => `${exact(amount)} ${amount === 1 ? unit.replace(/s$/, "") : unit}`)
    .join(", ");
}

/** "147 of 150 tokens left" */
export function levelText(reading: LimitReading, level: number): string {
  return levelParts(reading, level).join(" ");
}

/** A warning in a word or two. */
export interface Shortage {
  readonly text: string;
  readonly tone: "warning" | "denied";
}

/** Null if enough is left. Slots free up as requests end, so having few free is not a shortage. */
export function shortageOf(reading: LimitReading, level: number): Shortage | null {
  if (reading.kind === "concurrency") return level < 1 ? { text: "all in use", tone: "warning" } : null;
  if (shareOf(level, reading) >= NEARLY_EMPTY) return null;
  return level < 1 ? { text: "used up", tone: "denied" } : { text: "nearly used up", tone: "warning" };
}

/** How a figure of this day is part of this month's, and this hour's of this day's. Repeats no figure. */
export function spansText(hour: number, day: number, month: number): string {
  if (month === 0) return "none this month";
  const parts = [
    ...(hour === 0 ? [] : [hour === day ? "all in this hour" : `${count(hour)} this hour`]),
    ...(month > day ? [`${count(month)} this month`] : []),
  ];
  return parts.length === 0 ? "all of this month" : parts.join(" · ");
}

/** How the limit refills, `elapsedMs` after the answer. */
export function motionText(reading: LimitReading, elapsedMs: number): string {
  const { kind, limit, remaining, resetMs } = reading;
  switch (kind) {
    case "bucket": {
      const perMs = refillPerMs(reading);
      const [unit, unitMs] = PACES.find(([, of]) => perMs * of >= 1) ?? SLOWEST;
      const missing = limit - levelAt(reading, elapsedMs);
      const full = missing > 0 && perMs > 0 ? `full in ${duration(missing / perMs)}` : "full";
      return `refills ${exact(perMs * unitMs)} per ${unit}, ${full}`;
    }
    case "quota": {
      const resets = `resets in ${duration(Math.max(0, resetMs - elapsedMs))}`;
      return reading.included === undefined ? resets : `${includedText(reading)}, ${resets}`;
    }
    case "concurrency":
      return `${exact(limit - Math.floor(remaining))} in use`;
  }
}

/** "1,000,000 included, 1,234 over" */
function includedText({ included = 0, over = 0 }: LimitReading): string {
  return `${exact(included)} included${over > 0 ? `, ${exact(over)} over` : ""}`;
}

/** The numbers of a limit or an override: "150 per minute, burst 300". */
export function numbersText({
  tokens,
  per,
  burst,
  amount,
  max,
  unit,
}: LimitNumbers & { readonly unit?: string | undefined }): string {
  const rate = tokens ?? amount;
  const counted = unit === undefined ? "" : ` ${unit}`;
  return [
    ...(rate === undefined
      ? per === undefined
        ? []
        : [`per ${per}`]
      : [`${exact(rate)}${counted}${per === undefined ? "" : ` per ${per}`}`]),
    ...(burst === undefined ? [] : [`burst ${exact(burst)}`]),
    ...(max === undefined ? [] : [`${exact(max)} at once`]),
  ].join(", ");
}

/** The limits that differ between two tiers: "minute: 150 per minute → 1,000 per minute". */
export function tierChanges(from: TierLimits | undefined, to: TierLimits | undefined): string[] {
  const before = new Map((from?.limits ?? []).map((limit) => [limit.name, numbersText(limit)]));
  const after = new Map((to?.limits ?? []).map((limit) => [limit.name, numbersText(limit)]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [was, is] = [before.get(name) ?? "no limit", after.get(name) ?? "no limit"];
    return was === is ? [] : [`${name}: ${was} → ${is}`];
  });
}

/** What a new account takes over from an earlier user of the same id. */
export function inheritedText({ blocked, usage, limits, audit }: Inherited): string {
  const parts = [
    ...(usage ? ["its usage"] : []),
    ...(audit ? ["its history"] : []),
    ...(limits.length > 0 ? [`the spent part of ${limits.join(", ")}`] : []),
  ];
  const kept =
    parts.length === 0 ? "" : `The id was in use before: the account takes over ${listText(parts)}.`;
  const block = "An account with this id was deleted while it was blocked, so this one is blocked too.";
  return [kept, blocked ? block : ""].filter((text) => text !== "").join(" ");
}

/** What still overrides the new tier after a tier change; "" if nothing does. */
export function keptText(overrides: readonly string[], grants: readonly string[]): string {
  const parts = [
    ...(overrides.length > 0
      ? [`its overrides for ${overrides.join(", ")} instead of the new tier's limits`]
      : []),
    ...(grants.length > 0 ? [`its grants for ${grants.join(", ")}`] : []),
  ];
  return parts.length === 0 ? "" : `It keeps ${listText(parts)}.`;
}

/** What has no effect because the policy lacks it; "" if nothing. */
export function orphanedText({ tier, orphaned }: Account, defaultTier: string): string {
  const { limits, grants } = orphaned;
  return [
    ...(orphaned.tier ? [`The policy has no tier ${tier}: the default tier ${defaultTier} applies.`] : []),
    ...(limits.length > 0 ? [`Its overrides for ${limits.join(", ")} have no effect.`] : []),
    ...(grants.length > 0 ? [`Its grants for ${grants.join(", ")} have no effect.`] : []),
  ].join(" ");
}

function listText(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
