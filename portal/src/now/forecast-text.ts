/** What a period has come to and is expected to come to, in words. Pure. */
import { lastDay } from "../../../dashboard/src/shell/moment.ts";
import { money, moneyBand } from "../money.ts";
import type { Forecast, PortalBilling } from "../portal-api.ts";

/** "$120 to $180 by 31 Dec" */
export function forecastText(forecast: Forecast | null, currency: string, nowMs: number): string {
  if (!forecast) return "not enough data yet";
  const { periodEnd, amount } = forecast;
  return `${moneyBand(amount.low, amount.high, currency)} by ${lastDay(periodEnd, nowMs)}`;
}

/** The caption of a forecast: whether it includes tax, and how likely the band is. */
export function bandText({ amount: { low, high } }: Forecast): string {
  return low === high ? "before tax" : "before tax, in 8 of 10 cases";
}

/** The caption of the subtotal, which is comparable to the forecast: "before tax; €117.81 with it, €17.81 after credits" */
export function accruedText({ subtotal, total, due }: PortalBilling["accrued"], currency: string): string {
  const taxed = subtotal === total ? "no tax" : `before tax; ${money(total, currency)} with it`;
  return due === total ? taxed : `${taxed}, ${money(due, currency)} after credits`;
}
