/** The overview report: the totals of a period and of the one before it. Pure. */
import type { Report } from "../shell/answers.ts";
import { isNumber, isShape } from "../shell/guards.ts";
import { MEASURED, parseReport, type Rest } from "../shell/report-guards.ts";

type Whole = Report<"overview">;
export type Period = Omit<Whole["current"], "hopsSaved">;
export type Overview = Omit<Whole, "current" | "previous"> & Readonly<Record<"current" | "previous", Period>>;

const isPeriod = isShape<Period>({
  ...MEASURED,
  perSecond: isNumber,
  coveredSeconds: isNumber,
});

export const parseOverview = parseReport<Rest<Overview>>("overview", {
  current: isPeriod,
  previous: isPeriod,
});
