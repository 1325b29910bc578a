/** The reports that rank or divide the requests of a period: by user, route, tier, limit. Pure. */
import type { Report } from "./answers.ts";
import { isListOf, isNumber, isOneOf, isShape, isText, parseAs } from "./guards.ts";
import { HEAD, isRouteRow, MEASURED, TOTALS } from "./report-guards.ts";

export type UserRanking = Report<"top-users">;
export type RouteRanking = Report<"top-routes">;
export type TierReport = Report<"tiers">;
export type DenialReport = Report<"denials">;
export type ShadowReport = Omit<Report<"shadow-denials">, "times" | "series">;

export const parseUserRanking = parseAs(
  isShape<UserRanking>({
    ...HEAD,
    report: isOneOf({ "top-users": true }),
    users: isListOf(isShape<UserRanking["users"][number]>({ ...TOTALS, account: isText, share: isNumber })),
  }),
);

export const parseRouteRanking = parseAs(
  isShape<RouteRanking>({
    ...HEAD,
    report: isOneOf({ "top-routes": true }),
    routes: isListOf(isRouteRow),
  }),
);

export const parseTierReport = parseAs(
  isShape<TierReport>({
    ...HEAD,
    report: isOneOf({ tiers: true }),
    tiers: isListOf(isShape<TierReport["tiers"][number]>({ ...MEASURED, tier: isText, share: isNumber })),
  }),
);

export const parseDenialReport = parseAs(
  isShape<DenialReport>({
    ...HEAD,
    report: isOneOf({ denials: true }),
    denied: isNumber,
    reasons: isListOf(
      isShape<DenialReport["reasons"][number]>({ reason: isText, denied: isNumber, share: isNumber }),
    ),
    top: isListOf(
      isShape<DenialReport["top"][number]>({ reason: isText, account: isText, denied: isNumber }),
    ),
  }),
);

export const parseShadowReport = parseAs(
  isShape<ShadowReport>({
    ...HEAD,
    report: isOneOf({ "shadow-denials": true }),
    requests: isNumber,
    limits: isListOf(
      isShape<ShadowReport["limits"][number]>({ limit: isText, requests: isNumber, share: isNumber }),
    ),
    top: isListOf(
      isShape<ShadowReport["top"][number]>({ limit: isText, account: isText, requests: isNumber }),
    ),
  }),
);
