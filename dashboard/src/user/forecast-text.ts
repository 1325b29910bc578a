/** What an open period is expected to come to, in words. Pure. */
import { count } from "../shell/format.ts";
import type { Forecast } from "./billing-api.ts";

/** "129.00 before tax (with 80 % probability 99.00 to 165.00), for 1.1M tokens; usage grows 4 % a week". */
export function forecastText(forecast: Forecast | null): string {
  if (forecast === null) return "not enough data yet: it needs three complete days of usage";
  const { amount, usage, trend } = forecast;
  const { expected, low, high } = amount;
  const range = low === high ? "" : ` (with 80 % probability ${low} to ${high})`;
  return `${expected} before tax${range}, for ${count(usage.expected)} tokens; ${trendText(trend)}`;
}

function trendText(trend: Forecast["trend"]): string {
  const share = trend?.perWeekShare ?? 0;
  const percent = Math.round(Math.abs(share) * 100);
  return percent === 0 ? "no clear trend" : `usage ${share > 0 ? "grows" : "falls"} ${percent} % a week`;
}
