/** Guards for the parts that several reports have. Pure. */
import type { Report, ReportName } from "./answers.ts";
import {
  type Guard,
  type Guards,
  isFlag,
  isListOf,
  isMissingOr,
  isNullOr,
  isNumber,
  isOneOf,
  isShape,
  isText,
} from "./guards.ts";

/** RFC 3339, readable by Date.parse. */
export const isTime: Guard<string> = (value): value is string =>
  typeof value === "string" && !Number.isNaN(Date.parse(value));

/** What every report begins with. */
type Head = Pick<Report<"overview">, "backend" | "sampled" | "from" | "to" | "intervalSeconds" | "unit">;
const isHead = isShape<Head & { readonly report: string }>({
  report: isText,
  backend: isOneOf({ embedded: true, engine: true }),
  sampled: isFlag,
  from: isTime,
  to: isTime,
  intervalSeconds: isNumber,
  unit: isMissingOr(isText),
});

/** The rest of a report: what it has after the head. */
export type Rest<T extends Head> = Omit<T, keyof Head>;

/** A guard as `usePolled` takes it, for the report of a name, from the guards of its rest. Make it once, outside of components. */
export function parseReport<T extends object>(
  name: ReportName,
  rest: Guards<NoInfer<T>>,
): (body: unknown) => (Head & T) | null {
  const isRest = isShape<T>(rest);
  return (body) => (isHead(body) && body.report === name && isRest(body) ? body : null);
}

type Totals = Omit<Report<"top-users">["users"][number], "account" | "share">;
export const TOTALS: Guards<Totals> = {
  requests: isNumber,
  allowed: isNumber,
  denied: isNumber,
  turnedAway: isNumber,
  errors: isNumber,
  decided: isNumber,
  cost: isNumber,
};

type Measured = Report<"user">["totals"];
/** Totals with latency percentiles. */
export const MEASURED: Guards<Measured> = {
  ...TOTALS,
  latencyMs: isNullOr(isShape({ p50: isNumber, p95: isNumber, p99: isNumber })),
};

export const isSeries = isShape<Report<"timeseries">["series"][number]>({
  key: isNullOr(isText),
  requests: isListOf(isNumber),
  denied: isListOf(isNumber),
  cost: isListOf(isNumber),
});

export const parseTimeseries = parseReport<Rest<Report<"timeseries">>>("timeseries", {
  times: isListOf(isTime),
  series: isListOf(isSeries),
});

export const isRouteRow = isShape<Report<"top-routes">["routes"][number]>({
  ...MEASURED,
  route: isText,
  share: isNumber,
});
