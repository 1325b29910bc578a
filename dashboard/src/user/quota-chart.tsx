/** The burn-down chart of a quota: its past, the forecast to the end of its period, and how certain that is. */
import { useMemo } from "preact/hooks";
import type { ChartModel } from "../charts/chart-model.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import type { LimitReading } from "../shell/answers.ts";
import { HOUR_MS, MINUTE_MS } from "../shell/durations.ts";
import { count, exact } from "../shell/format.ts";
import { shortMoment } from "../shell/moment.ts";
import { PollState } from "../shell/poll-state.tsx";
import { withQuery } from "../shell/query.ts";
import { usePolled } from "../shell/use-polled.ts";
import { accountPath, parseUsage } from "./account-api.ts";
import { costIn } from "./usage-table.ts";
import type { Forecast } from "./billing-api.ts";
import { type BurnDown, burnDown, type Expected, OBSERVED_MS } from "./burn-down.ts";
import { forecastText } from "./forecast-text.ts";

interface Props {
  readonly id: string;
  readonly quota: LimitReading;
  /** The period of this quota: a month may begin on any day. */
  readonly period: NonNullable<LimitReading["period"]>;
  /** The API's forecast; null if it has too little data, undefined if it does not forecast this quota. */
  readonly billed: Forecast | null | undefined;
}

/** The ledger changes slowly on this scale. */
const EVERY_MS = 30_000;
/** All hours of a period, and of the week before it. */
const MAX_HOURS = "1000";
const CHART_HEIGHT = 180;
export function QuotaChart({ id, quota, period, billed }: Props) {
  const { name, limit, remaining, included } = quota;
  const nowMs = Date.now();
  const [startMs, endMs] = [Date.parse(period.start), Date.parse(period.end)];
  const from = new Date(Math.min(startMs, Math.floor(nowMs / HOUR_MS) * HOUR_MS - OBSERVED_MS)).toISOString();
  // A quota that is billed leaves the usage of test keys out.
  const mode = included === undefined ? "" : "live";
  const query = { granularity: "hour", from, limit: MAX_HOURS, mode };
  const polled = usePolled(withQuery(`${accountPath(id)}/usage`, query), parseUsage, EVERY_MS);
  const rows = polled.value?.usage;
  const minute = Math.floor(nowMs / MINUTE_MS);
  const forecast = useMemo(() => {
    const hours = (rows ?? []).map((row) => ({ atMs: Date.parse(row.period), cost: costIn(quota, row) }));
    const now = { limit, remaining, nowMs: Date.now(), startMs, endMs };
    return rows && burnDown(now, hours, billed && moreOf(billed, period.used));
  }, [rows, quota.unit, limit, remaining, startMs, endMs, minute, billed]);
  const model = useMemo(() => forecast && modelOf(forecast), [forecast]);
  // This user never had any usage.
  if (polled.status === 404) return null;
  return (
    <div class="small-chart">
      {!forecast && <PollState polled={polled} />}
      {forecast && model && (
        <TimeChart
          title={`${name}: ${quota.unit ?? "tokens"} left until ${whenText(endMs)}`}
          summary={summaryOf(forecast, Date.now(), endMs, billed)}
          model={model}
          height={CHART_HEIGHT}
        />
      )}
    </div>
  );
}

/** What is expected beyond what is used. */
function moreOf({ usage }: Forecast, used: number): Expected {
  const more = (total: number) => Math.max(0, total - used);
  return { expected: more(usage.expected), low: more(usage.low), high: more(usage.high) };
}

const UPPER = "likely at most";
const LOWER = "likely at least";

/** The past and the forecast share the current moment. Values below 0 are drawn as 0. */
function modelOf({ past, ahead }: BurnDown): ChartModel {
  const later = ahead.slice(1);
  const before = past.slice(0, -1).map(() => null);
  const line = (bound: "low" | "likely" | "high") => [
    ...before,
    past.at(-1)?.remaining ?? null,
    ...later.map((step) => Math.max(0, step[bound])),
  ];
  const used = [...past.map(({ remaining }) => remaining), ...later.map(() => null)];
  return {
    timesMs: [...past, ...later].map(({ atMs }) => atMs),
    // The last line is drawn on top of the band.
    lines: [
      ...(later.length === 0
        ? []
        : [
            { name: UPPER, colour: "--line", values: line("high"), isBound: true } as const,
            { name: LOWER, colour: "--line", values: line("low"), isBound: true } as const,
            {
              name: "forecast",
              colour: "--denied",
              values: line("likely"),
              isDashed: true,
            } as const,
          ]),
      { name: "left", colour: "--accent", values: used },
    ],
    bands:
      later.length === 0
        ? []
        : [{ name: "80 % probability", upper: UPPER, lower: LOWER, colour: "--denied", isForecast: true }],
    show: exact,
    tick: count,
  };
}

/** The pace and what it leads to; without a forecast, why there is none and from when on there is one. */
function summaryOf(
  { ahead, perHour, runsOutMs, forecastFromMs }: BurnDown,
  nowMs: number,
  endMs: number,
  billed: Props["billed"],
): string {
  const last = ahead.at(-1);
  if (billed === null) return `No forecast: ${forecastText(null)}.`;
  if (forecastFromMs === null) return "No usage in the last week, so there is no forecast.";
  if (perHour === null || !last) {
    if (forecastFromMs >= endMs) return "A forecast needs a day of usage, and the period ends before.";
    return `A forecast needs a day of usage: there is one from ${whenText(Math.max(forecastFromMs, nowMs))} on.`;
  }
  const pace = `At the ${billed ? "expected" : "observed"} ${rough(perHour)} an hour`;
  const { earliest, likely, latest } = runsOutMs;
  if (likely !== null && earliest !== null) {
    const range =
      latest === null
        ? `at the earliest ${whenText(earliest)}; may last the period`
        : `with 80 % probability between ${whenText(earliest)} and ${whenText(latest)}`;
    const isSure = latest !== null && whenText(earliest) === whenText(latest);
    return `${pace}, it is used up on ${whenText(likely)}${isSure ? "" : `; ${range}`}.`;
  }
  const [low, high] = [rough(Math.max(0, last.low)), rough(Math.max(0, last.high))];
  const left = rough(last.likely);
  const band = low === high ? "" : `; with 80 % probability ${low} to ${high}`;
  return `${pace}, about ${left} will be left at the end${band}.`;
}

const ROUGH = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** A forecast knows no more than two digits. */
function rough(tokens: number): string {
  return ROUGH.format(tokens);
}

function whenText(ms: number): string {
  return shortMoment(ms, Date.now());
}
