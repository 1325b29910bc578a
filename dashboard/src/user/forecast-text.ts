/** What an open period is expected to come to, in words. Pure. */
import { count } from "../shell/format.ts";
import type { Forecast } from "./billing-api.ts";

/** "129.00 (80 %: 99.00 – 165.00) with 1.1M requests". */
export function forecastText(forecast: Forecast | null): string {
  if (forecast === null) return "not enough data yet: it needs three complete days of usage";
  const { amount, usage, trend } = forecast;
  const range = amount.low === amount.high ? "" : ` (80 %: ${amount.low} – ${amount.high})`;
  return `${amount.expected}${range} before tax, with ${count(usage.expected)} tokens${trendText(trend)}`;
}

function trendText(trend: Forecast["trend"]): string {
  const share = trend?.perWeekShare ?? null;
  if (share === null) return "";
  const percent = Math.round(Math.abs(share) * 100);
  return percent === 0 ? "" : `; usage ${share > 0 ? "grows" : "falls"} by ${percent} % a week`;
}
