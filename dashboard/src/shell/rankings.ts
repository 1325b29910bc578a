/** The reports that rank or divide the requests of a period: by user, route, tier, limit. Pure. */
import type { Report } from "./answers.ts";
import { isListOf, isNumber, isShape, isText } from "./guards.ts";
import { isRouteRow, MEASURED, parseReport, type Rest, TOTALS } from "./report-guards.ts";

export type UserRanking = Report<"top-users">;
export type RouteRanking = Report<"top-routes">;
export type TierReport = Report<"tiers">;
export type DenialReport = Report<"denials">;
export type ShadowReport = Omit<Report<"shadow-denials">, "times" | "series">;

export const parseUserRanking = parseReport<Rest<UserRanking>>("top-users", {
  users: isListOf(isShape<UserRanking["users"][number]>({ ...TOTALS, account: isText, share: isNumber })),
});

export const parseRouteRanking = parseReport<Rest<RouteRanking>>("top-routes", {
  routes: isListOf(isRouteRow),
});

export const parseTierReport = parseReport<Rest<TierReport>>("tiers", {
  tiers: isListOf(isShape<TierReport["tiers"][number]>({ ...MEASURED, tier: isText, share: isNumber })),
});

export const parseDenialReport = parseReport<Rest<DenialReport>>("denials", {
  denied: isNumber,
  reasons: isListOf(
    isShape<DenialReport["reasons"][number]>({ reason: isText, denied: isNumber, share: isNumber }),
  ),
  top: isListOf(isShape<DenialReport["top"][number]>({ reason: isText, account: isText, denied: isNumber })),
});

export const parseShadowReport = parseReport<Rest<ShadowReport>>("shadow-denials", {
  requests: isNumber,
  limits: isListOf(
    isShape<ShadowReport["limits"][number]>({ limit: isText, requests: isNumber, share: isNumber }),
  ),
  top: isListOf(isShape<ShadowReport["top"][number]>({ limit: isText, account: isText, requests: isNumber })),
});
