/** What a period is expected to come to, in words. Pure. */
import { dayText } from "../../../dashboard/src/shell/moment.ts";
import { moneyBand } from "../money.ts";
import type { Forecast } from "../portal-api.ts";

/** The last day of a period, "31 Dec": periods end at midnight in UTC, which is not a day of them. */
export function lastDay(end: string, nowMs: number): string {
  return dayText(Date.parse(end) - 1, nowMs, "UTC");
}

/** "$120 to $180 by 31 Dec" */
export function forecastText(forecast: Forecast | null, currency: string, nowMs: number): string {
  if (!forecast) return "not enough data yet";
  const { periodEnd, amount } = forecast;
  return `${moneyBand(amount.low, amount.high, currency)} by ${lastDay(periodEnd, nowMs)}`;
}
