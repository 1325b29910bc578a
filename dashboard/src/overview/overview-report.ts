/** The overview report: the totals of a period and of the one before it. Pure. */
import type { Report } from "../shell/answers.ts";
import { isNumber, isOneOf, isShape, parseAs } from "../shell/guards.ts";
import { HEAD, MEASURED } from "../shell/report-guards.ts";

export type Overview = Report<"overview">;
export type Period = Overview["current"];

const isPeriod = isShape<Period>({
  ...MEASURED,
  perSecond: isNumber,
  coveredSeconds: isNumber,
  hopsSaved: isNumber,
});

export const parseOverview = parseAs(
  isShape<Overview>({
    ...HEAD,
    report: isOneOf({ overview: true }),
    current: isPeriod,
    previous: isPeriod,
  }),
);
