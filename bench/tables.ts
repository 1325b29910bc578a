/** The tables of a run as Markdown, for the console, the README and docs/performance.md. Pure. */
import type { Accuracy } from "./accuracy.ts";
import { CONTENDERS } from "./contenders.ts";
import type { BilledCaller } from "./cost.ts";
import type { Growth, Memory } from "./growth.ts";
import type { NewcomersCost } from "./newcomers.ts";
import { type Operations, priceOf } from "./price.ts";
import { type Spread, spreadOf } from "./ratios.ts";
import { type Analytics, CAPACITY } from "./rig-workers.ts";
import type { Rounds, ContenderRun } from "./rounds.ts";
import type { Size } from "./size.ts";
import { met, type Row, spread, table, two, whole } from "./table-format.ts";
import {
  compare,
  MAX_DEVIATION,
  MAX_DOLLARS,
  MAX_GZIP_KB,
  MAX_ROWS,
  MAX_START_MS,
  shares,
} from "./targets.ts";

export interface Results {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly command: string;
  /** Number of users in the loads of many users. */
  readonly manyUsers: number;
  readonly rounds: Rounds;
  readonly accuracy: readonly Accuracy[];
  readonly cost: Readonly<Record<Analytics, ReadonlyMap<BilledCaller["name"], Operations>>>;
  readonly size: Size;
  readonly growth: readonly Growth[];
  /** Null if not measured. */
  readonly newcomers: NewcomersCost | null;
  readonly memory: readonly Memory[];
}

/** All tables, as quoted in docs/performance.md. */
export function asMarkdown(results: Results): string {
  const { date, commit, machine, command } = results;
  return [
    `\`${command}\`, ${date.slice(0, 16).replace("T", " ")} UTC, commit ${commit}, ${machine}. "Many users" means ${whole(results.manyUsers)}.`,
    targetTable(results),
    "Each contender on its own:",
    contenderTable(results),
    "Billed operations per million decisions, as counted, and their price:",
    costTable(results),
    ...(results.growth.length > 0 ? ["Throughput by number of users:", growthTable(results)] : []),
    ...(results.newcomers ? [newcomersLine(results.newcomers)] : []),
  ].join("\n\n");
}

/** The table of the targets P1 to P10. */
export function targetTable(results: Results): string {
  const rows: Row[] = compare(results.rounds).map(
    ({ target, what, comparedWith, atLeast, throughput, cpu }) => [
      target,
      `${what}, relative to ${comparedWith}`,
      `>= ${atLeast}`,
      `${spread(throughput)}; CPU ratio ${two(cpu.median)}`,
      met(throughput.median >= atLeast),
    ],
  );
  return table(
    ["#", "what", "target", "measured: median (min to max)", ""],
    [
      ...rows,
      ...countedRows(results),
      ...accuracyRows(results),
      ...growthRows(results),
      ...shareRows(results),
    ],
  );
}

/** Every contender on its own. */
export function contenderTable({ rounds }: Results): string {
  const rows = CONTENDERS.flatMap(({ name, title }): Row[] => {
    const runs = rounds.get(name);
    if (!runs) return [];
    const of = (pick: (run: ContenderRun) => number): Spread => spreadOf(runs.map(pick));
    const perSecond = of((run) => run.perSecond);
    return [
      [
        title,
        whole(perSecond.median),
        `${whole(perSecond.min)} to ${whole(perSecond.max)}`,
        whole(of((run) => run.cpuUs).median),
        two(of((run) => run.p50Ms).median),
        two(of((run) => run.p99Ms).median),
      ],
    ];
  });
  return table(["contender", "requests/s", "min to max", "CPU us/request", "p50 ms", "p99 ms"], rows);
}

/** Billed operations and price of a million decisions, by caller. */
export function costTable(results: Results): string {
  const rows = ANALYTICS.flatMap((analytics) =>
    [...results.cost[analytics]].map(([name, operations]): Row => {
      const { decisions, objectCalls, hubCalls, rowsWritten, hubRows, kvReads, dataPoints } = operations;
      const perMillion = (count: number): string => whole((count / decisions) * 1e6);
      return [
        analytics,
        name,
        perMillion(objectCalls),
        perMillion(hubCalls),
        perMillion(rowsWritten),
        perMillion(hubRows),
        perMillion(kvReads),
        perMillion(dataPoints),
        name === "newcomers" ? "" : two(dollarsOf(results, analytics, name)),
      ];
    }),
  );
  return table(
    [
      "points go to",
      "caller",
      "object calls",
      "hub calls",
      "rows",
      "hub rows",
      "KV reads",
      "data points",
      "$",
    ],
    rows,
  );
}

/** P9: throughput by number of users. */
export function growthTable({ growth }: Results): string {
  return table(
    [
      "users",
      "strict/s",
      "empty calls/s",
      "row per check/s",
      "strict / empty call",
      "strict / row per check",
    ],
    growth.map(({ users, strict, empty, write, toEmpty, toWrite }) => [
      users.toLocaleString("en"),
      whole(strict.median),
      whole(empty.median),
      whole(write.median),
      spread(toEmpty),
      spread(toWrite),
    ]),
  );
}

function newcomersLine({ strict, empty, write }: NewcomersCost): string {
  const us = ({ median, min, max }: Spread): string => `${whole(median)} us (${whole(min)} to ${whole(max)})`;
  return `CPU time of a user's first request, which creates an object: strict ${us(strict)}; an empty call ${us(empty)}; a row per check ${us(write)}.`;
}

const ANALYTICS = ["embedded", "engine"] as const;
const DESTINATIONS: Readonly<Record<Analytics, string>> = { embedded: "the hub", engine: "Analytics Engine" };
/** The contender whose CPU time is used for the price. */
const CPU_OF = {
  strict: "strict-64",
  "strict, 1 client": "strict-1",
  leased: "leased",
  unlimited: "unlimited",
  denied: "denied",
  naive: "write",
  // Not timed, since it depends mostly on the disk.
  newcomers: null,
} as const;

/** The price with the measured CPU time, which includes the edge, the objects and the hub, since all run in one process. */
function dollarsOf({ cost, rounds }: Results, analytics: Analytics, name: BilledCaller["name"]): number {
  const operations = cost[analytics].get(name);
  const contender = CPU_OF[name];
  const runs = contender === null ? undefined : rounds.get(contender);
  if (!operations || !runs) return Number.NaN;
  return priceOf(operations, spreadOf(runs.map((run) => run.cpuUs)).median);
}

function countedRows(results: Results): Row[] {
  const rows: Row[] = [];
  const strict = results.cost.embedded.get("strict");
  if (strict) {
    const perMillion = (strict.rowsWritten / strict.decisions) * 1e6;
    rows.push([
      "P5",
      "rows written per million strict decisions for a busy user",
      `<= ${whole(MAX_ROWS)}`,
      whole(perMillion),
      met(perMillion <= MAX_ROWS),
    ]);
  }
  const dollars = dollarsOf(results, "engine", "naive");
  const naive = Number.isNaN(dollars)
    ? ""
    : ` (with a KV read, a call, a row and a point per decision: ${two(dollars)})`;
  for (const name of ["strict", "leased"] as const) {
    const priced = ANALYTICS.filter((analytics) => results.cost[analytics].has(name)).map((analytics) => ({
      dollars: dollarsOf(results, analytics, name),
      destination: DESTINATIONS[analytics],
    }));
    rows.push([
      "P6",
      `$ per million decisions, ${name}${naive}`,
      `<= ${MAX_DOLLARS[name].toFixed(2)}`,
      priced.map(({ dollars: each, destination }) => `${two(each)} (points to ${destination})`).join(", "),
      met(priced.every(({ dollars: each }) => each <= MAX_DOLLARS[name])),
    ]);
  }
  const { gzipKb, startMs, bareStartMs } = results.size;
  return [
    ...rows,
    [
      "P7",
      "the Worker's bundle, minified and compressed",
      `<= ${MAX_GZIP_KB} KiB`,
      `${gzipKb.toFixed(1)} KiB`,
      met(gzipKb <= MAX_GZIP_KB),
    ],
    [
      "P7",
      `CPU time of its start (a bare Hono Worker: ${two(bareStartMs.median)} ms)`,
      `<= ${MAX_START_MS} ms`,
      `${spread(startMs)} ms`,
      met(startMs.median <= MAX_START_MS),
    ],
  ];
}

function accuracyRows({ accuracy }: Results): Row[] {
  return accuracy.map(({ title, isolates, over, isOurs }) => [
    "P8",
    `admitted in excess of ${whole(CAPACITY)}, 64 clients over ${isolates} ${isolates === 1 ? "process" : "isolates"}: ${title}`,
    isOurs ? "<= 0" : "",
    `${whole(over.median)} (${whole(over.min)} to ${whole(over.max)})`,
    isOurs ? met(over.max <= 0) : "",
  ]);
}

function growthRows({ growth, memory }: Results): Row[] {
  if (growth.length === 0) return [];
  const ratios = growth.map(({ toEmpty }) => toEmpty.median);
  const deviation = Math.max(...ratios) / Math.min(...ratios) - 1;
  const [first, last] = [memory[0], memory.at(-1)];
  const users = growth.map((each) => whole(each.users)).join(", ");
  return [
    [
      "P9",
      `strict, relative to an empty object call, with ${users} users`,
      `within ${MAX_DEVIATION * 100} %`,
      ratios.map(two).join(", "),
      met(deviation <= MAX_DEVIATION),
    ],
    [
      "P9",
      last
        ? `heap of an edge isolate before and after ${whole(last.users)} users; it remembers at most 10,000`
        : "heap of an edge isolate",
      "bounded",
      first && last
        ? `${two(first.heapMb)} MB, ${two(last.heapMb)} MB`
        : "not measured: the inspector did not answer",
      "",
    ],
  ];
}

function shareRows({ rounds }: Results): Row[] {
  return shares(rounds).map(({ title, ofBare, atLeast }) => [
    "P10",
    `share of the runtime's throughput without a limiter: ${title}`,
    atLeast === null ? "" : `>= ${atLeast}`,
    spread(ofBare),
    atLeast === null ? "" : met(ofBare.median >= atLeast),
  ]);
}
