/** The report on one subject: its traffic, and its top routes, denials and keys. Pure. */
import type { Report } from "../shell/answers.ts";
import { isListOf, isNumber, isShape, isText } from "../shell/guards.ts";
import { isRouteRow, isSeries, isTime, MEASURED, parseReport, type Rest } from "../shell/report-guards.ts";

export type UserReport = Omit<Report<"user">, "account" | "keys">;

export const parseUserReport = parseReport<Rest<UserReport>>("user", {
  totals: isShape(MEASURED),
  times: isListOf(isTime),
  series: isListOf(isSeries),
  routes: isListOf(isRouteRow),
  reasons: isListOf(isShape({ reason: isText, denied: isNumber, share: isNumber })),
});
