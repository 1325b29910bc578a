/** How far back usage is shown, and in which steps. Pure. The steps are the ledger's: UTC days, ISO weeks, calendar months. */
import { DAY_MS } from "../../../dashboard/src/shell/durations.ts";
import { dayText } from "../../../dashboard/src/shell/moment.ts";

export interface Span {
  /** In the URL; "" for the default. */
  readonly name: string;
  readonly title: string;
  readonly granularity: "day" | "week" | "month";
  /** The number of steps. */
  readonly count: number;
}

const WEEK: Span = { name: "", title: "7 days", granularity: "day", count: 7 };

export const SPANS: readonly Span[] = [
  WEEK,
  { name: "30d", title: "30 days", granularity: "day", count: 30 },
  { name: "12w", title: "12 weeks", granularity: "week", count: 12 },
  { name: "12m", title: "12 months", granularity: "month", count: 12 },
];

export function spanOf(name = ""): Span {
  return SPANS.find((span) => span.name === name) ?? WEEK;
}

/** The beginnings of the steps, Unix ms, the newest first. */
export function stepsOf({ granularity, count }: Span, nowMs: number): number[] {
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
  const now = new Date(today);
  // Monday is the first day of a week, Sunday the last.
  const monday = today - ((now.getUTCDay() + 6) % 7) * DAY_MS;
  return Array.from({ length: count }, (_none, i) => {
    if (granularity === "month") return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - i);
    return granularity === "week" ? monday - 7 * i * DAY_MS : today - i * DAY_MS;
  });
}

/** "Today", "29 Nov", "from 23 Nov", "Nov 2026" */
export function stepText({ granularity }: Span, startMs: number, nowMs: number): string {
  if (granularity === "month") {
    const [, month] = dayText(startMs, nowMs, "UTC").split(" ");
    return `${month} ${new Date(startMs).getUTCFullYear()}`;
  }
  if (granularity === "week") return `from ${dayText(startMs, nowMs, "UTC")}`;
  return nowMs - startMs < DAY_MS ? "Today" : dayText(startMs, nowMs, "UTC");
}
