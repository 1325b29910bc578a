/** Guards for the parts that several reports have. Pure. */
import type { Report } from "./answers.ts";
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
  parseAs,
} from "./guards.ts";

/** RFC 3339, readable by Date.parse. */
export const isTime: Guard<string> = (value): value is string =>
  typeof value === "string" && !Number.isNaN(Date.parse(value));

type Head = Pick<Report<"overview">, "backend" | "sampled" | "from" | "to" | "intervalSeconds" | "unit">;
/** What every report begins with. */
export const HEAD: Guards<Head> = {
  backend: isOneOf({ embedded: true, engine: true }),
  sampled: isFlag,
  from: isTime,
  to: isTime,
  intervalSeconds: isNumber,
  unit: isMissingOr(isText),
};

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

export const parseTimeseries = parseAs(
  isShape<Report<"timeseries">>({
    ...HEAD,
    report: isOneOf({ timeseries: true }),
    times: isListOf(isTime),
    series: isListOf(isSeries),
  }),
);

export const isRouteRow = isShape<Report<"top-routes">["routes"][number]>({
  ...MEASURED,
  route: isText,
  share: isNumber,
});
