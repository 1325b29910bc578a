/** A quota's way down to its period's end: what was, what is likely, and how sure that is. */
import { useMemo } from "preact/hooks";
import type { ChartModel } from "../charts/chart-model.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import { count, exact } from "../shell/format.ts";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { accountPath, parseUsage } from "./account-answers.ts";
import { type BurnDown, burnDown, HOUR_MS, SEEN_MS } from "./burn-down.ts";
import type { LimitReading } from "./limit-level.ts";

interface Props {
  readonly id: string;
  readonly quota: LimitReading;
  /** The quota's own: a month may begin on any day. */
  readonly period: NonNullable<LimitReading["period"]>;
}

/** The ledger moves slowly on this scale. */
const EVERY_MS = 30_000;
/** Rows of an answer: all hours of a period and of a week before it. */
const MOST_HOURS = 1_000;
const CHART_HEIGHT = 180;
const MOMENT = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

export function QuotaChart({ id, quota: { name, limit, remaining }, period }: Props) {
  const nowMs = Date.now();
  const [startMs, endMs] = [Date.parse(period.start), Date.parse(period.end)];
  const from = new Date(Math.min(startMs, Math.floor(nowMs / HOUR_MS) * HOUR_MS - SEEN_MS)).toISOString();
  const query = new URLSearchParams({ granularity: "hour", from, limit: String(MOST_HOURS) });
  const polled = usePolled(`${accountPath(id)}/usage?${query}`, parseUsage, EVERY_MS);
  const rows = polled.value?.usage;
  const minute = Math.floor(nowMs / 60_000);
  const forecast = useMemo(() => {
    const hours = (rows ?? []).map((row) => ({ atMs: Date.parse(row.period), cost: row.cost }));
    return rows && burnDown({ limit, remaining, nowMs: Date.now(), startMs, endMs }, hours);
  }, [rows, limit, remaining, startMs, endMs, minute]);
  const model = useMemo(() => forecast && modelOf(forecast), [forecast]);
  // Of this user nothing was ever counted.
  if (polled.status === 404) return null;
  return (
    <div class="small-chart">
      {!forecast && <PollState polled={polled} />}
      {forecast && model && (
        <TimeChart
          title={`${name}: tokens left until ${MOMENT.format(endMs)}`}
          summary={summaryOf(forecast)}
          model={model}
          height={CHART_HEIGHT}
        />
      )}
    </div>
  );
}

const RANGE = "likely at most";
const LEAST = "likely at least";

/** Past and forecast share the moment now. Below nothing is nothing. */
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
    // What is drawn last lies on top of the band.
    lines: [
      ...(later.length === 0
        ? []
        : [
            { name: RANGE, colour: "--line", values: line("high") } as const,
            { name: LEAST, colour: "--line", values: line("low") } as const,
            {
              name: "forecast",
              colour: "--denied",
              values: line("likely"),
              isDashed: true,
            } as const,
          ]),
      { name: "left", colour: "--accent", values: used },
    ],
    bands: later.length === 0 ? [] : [{ upper: RANGE, lower: LEAST, colour: "--denied" }],
    show: exact,
    tick: count,
  };
}

function summaryOf({ ahead, perHour, runsOutMs }: BurnDown): string {
  const last = ahead.at(-1);
  if (perHour === null || !last) return "Nothing was used in the last week: there is nothing to forecast by.";
  const pace = `At ${exact(perHour)} tokens per hour, as seen`;
  const { earliest, likely, latest } = runsOutMs;
  if (likely !== null && earliest !== null) {
    const range =
      latest === null
        ? `hardly before ${MOMENT.format(earliest)}, and maybe not in this period`
        : `in 8 of 10 cases between ${MOMENT.format(earliest)} and ${MOMENT.format(latest)}`;
    return `${pace}, it is used up on ${MOMENT.format(likely)}; ${range}.`;
  }
  const [low, high] = [Math.max(0, last.low), Math.max(0, last.high)];
  return `${pace}, ${exact(Math.round(last.likely))} are left at the end; in 8 of 10 cases ${exact(Math.round(low))} to ${exact(Math.round(high))}.`;
}
