/** How often a screen polls: kept in its URL. Pure. */
import { SECOND_MS } from "./durations.ts";
import type { PageAddress } from "./page-address.ts";
import { pollEveryMs, type TimeRange } from "./time-range.ts";

export interface RefreshChoice {
  /** In the URL; "" for the default. */
  readonly name: string;
  readonly title: string;
  /** Null: only when asked. "auto": as often as the range changes visibly. */
  readonly everyMs: number | null | "auto";
}

const AUTO: RefreshChoice = { name: "", title: "Auto refresh", everyMs: "auto" };

export const REFRESH_CHOICES: readonly RefreshChoice[] = [
  AUTO,
  { name: "5s", title: "Every 5 s", everyMs: 5 * SECOND_MS },
  { name: "30s", title: "Every 30 s", everyMs: 30 * SECOND_MS },
  { name: "off", title: "No refresh", everyMs: null },
];

/** Null: only when asked. */
export function refreshMs({ refresh }: PageAddress["params"], range: TimeRange): number | null {
  const { everyMs } = REFRESH_CHOICES.find(({ name }) => name === refresh) ?? AUTO;
  return everyMs === "auto" ? pollEveryMs(range) : everyMs;
}
