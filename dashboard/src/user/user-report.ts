/** The report on one subject: its traffic, and its top routes, denials and keys. Pure. */
import type { Report } from "../shell/answers.ts";
import { isListOf, isNumber, isOneOf, isShape, isText, parseAs } from "../shell/guards.ts";
import { HEAD, isRouteRow, isSeries, isTime, MEASURED } from "../shell/report-guards.ts";

export type UserReport = Report<"user">;

export const parseUserReport = parseAs(
  isShape<UserReport>({
    ...HEAD,
    report: isOneOf({ user: true }),
    account: isText,
    totals: isShape(MEASURED),
    times: isListOf(isTime),
    series: isListOf(isSeries),
    routes: isListOf(isRouteRow),
    reasons: isListOf(isShape({ reason: isText, denied: isNumber, share: isNumber })),
    keys: isListOf(isShape({ ...MEASURED, keyId: isText, share: isNumber })),
  }),
);
