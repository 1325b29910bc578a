/** The tables of a run, as Markdown: what the console shows and the README quotes. Pure. */
import type { Accuracy } from "./accuracy.ts";
import { CONTENDERS } from "./contenders.ts";
import type { Busy } from "./cost.ts";
import type { Growth, Memory } from "./growth.ts";
import type { NewcomersCost } from "./newcomers.ts";
import { type Operations, priceOf } from "./price.ts";
import { type Spread, spreadOf } from "./ratios.ts";
import { type Analytics, CAPACITY } from "./rig-workers.ts";
import type { Rounds, Run } from "./rounds.ts";
import type { Size } from "./size.ts";
import {
  compare,
  MOST_APART,
  MOST_DOLLARS,
  MOST_GZIP_KB,
  MOST_ROWS,
  MOST_START_MS,
  shares,
} from "./targets.ts";

export interface Results {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly command: string;
  /** As many as `many` of the contenders are. */
  readonly manyUsers: number;
  readonly rounds: Rounds;
  readonly accuracy: readonly Accuracy[];
  readonly cost: Readonly<Record<Analytics, ReadonlyMap<Busy["name"], Operations>>>;
  readonly size: Size;
  readonly growth: readonly Growth[];
  /** Null where it was not measured. */
  readonly newcomers: NewcomersCost | null;
  readonly memory: readonly Memory[];
}

type Row = readonly (string | number)[];

/** All of it, as docs/performance.md quotes it. */
export function asMarkdown(results: Results): string {
  const { date, commit, machine, command } = results;
  return [
    `\`${command}\`, ${date.slice(0, 16).replace("T", " ")} UTC, commit ${commit}, ${machine}. Many users are ${whole(results.manyUsers)}.`,
    targetTable(results),
    "Each contender by itself:",
    contenderTable(results),
    "What a million decisions took, counted, and cost:",
    costTable(results),
    ...(results.growth.length > 0 ? ["By the number of users:", growthTable(results)] : []),
    ...(results.newcomers ? [newcomersLine(results.newcomers)] : []),
  ].join("\n\n");
}

/** The table P1 to P10, one line per target. */
export function targetTable(results: Results): string {
  const rows: Row[] = compare(results.rounds).map(
    ({ target, what, comparedWith, atLeast, throughput, cpu }) => [
      target,
      `${what}, to ${comparedWith}`,
      `>= ${atLeast}`,
      `${spread(throughput)}; by CPU ${two(cpu.median)}`,
      met(throughput.median >= atLeast),
    ],
  );
  return table(
    ["#", "what", "wanted", "measured: median (least to most)", ""],
    [
      ...rows,
      ...countedRows(results),
      ...accuracyRows(results),
      ...growthRows(results),
      ...shareRows(results),
    ],
  );
}

/** Every contender by itself. */
export function contenderTable({ rounds }: Results): string {
  const rows = CONTENDERS.flatMap(({ name, title }): Row[] => {
    const runs = rounds.get(name);
    if (!runs) return [];
    const of = (pick: (run: Run) => number): Spread => spreadOf(runs.map(pick));
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
  return table(["contender", "requests/s", "least to most", "CPU us/request", "p50 ms", "p99 ms"], rows);
}

/** What a million decisions take and cost, by who asks. */
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
    ["points go to", "who", "object calls", "hub calls", "rows", "hub rows", "KV reads", "data points", "$"],
    rows,
  );
}

/** P9: throughput by number of users. */
export function growthTable({ growth }: Results): string {
  return table(
    ["users", "strict/s", "empty calls/s", "row per check/s", "strict to empty", "strict to row per check"],
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
  return `A user's first request makes an object, and takes of the processor: strict ${us(strict)}; an empty call ${us(empty)}; a row per check ${us(write)}.`;
}

const ANALYTICS = ["embedded", "engine"] as const;
const WHERE: Readonly<Record<Analytics, string>> = { embedded: "the hub", engine: "Analytics Engine" };
const CPU_OF = {
  strict: "strict-64",
  "strict, 1 client": "strict-1",
  leased: "leased",
  unlimited: "unlimited",
  denied: "denied",
  naive: "write",
  // Not timed: it is mostly the machine's disk.
  newcomers: null,
} as const;

/** With the processor time that was measured: of the edge, the objects and the hub, as all ran in one process. */
function dollarsOf({ cost, rounds }: Results, analytics: Analytics, name: Busy["name"]): number {
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
      "rows written per million strict decisions of a busy user",
      `<= ${whole(MOST_ROWS)}`,
      whole(perMillion),
      met(perMillion <= MOST_ROWS),
    ]);
  }
  const dollars = dollarsOf(results, "engine", "naive");
  const naive = Number.isNaN(dollars)
    ? ""
    : ` (a KV read, a call, a row and a point for each: ${two(dollars)})`;
  for (const name of ["strict", "leased"] as const) {
    const priced = ANALYTICS.filter((analytics) => results.cost[analytics].has(name)).map((analytics) => ({
      dollars: dollarsOf(results, analytics, name),
      where: WHERE[analytics],
    }));
    rows.push([
      "P6",
      `$ per million decisions, ${name}${naive}`,
      `<= ${MOST_DOLLARS[name].toFixed(2)}`,
      priced.map(({ dollars: each, where }) => `${two(each)} (points to ${where})`).join(", "),
      met(priced.every(({ dollars: each }) => each <= MOST_DOLLARS[name])),
    ]);
  }
  const { gzipKb, startMs, bareStartMs } = results.size;
  return [
    ...rows,
    [
      "P7",
      "the Worker's bundle, minified and compressed",
      `<= ${MOST_GZIP_KB} KiB`,
      `${gzipKb.toFixed(1)} KiB`,
      met(gzipKb <= MOST_GZIP_KB),
    ],
    [
      "P7",
      `processor time of its start; of a bare Hono Worker: ${two(bareStartMs.median)} ms`,
      `<= ${MOST_START_MS} ms`,
      `${spread(startMs)} ms`,
      met(startMs.median <= MOST_START_MS),
    ],
  ];
}

function accuracyRows({ accuracy }: Results): Row[] {
  return accuracy.map(({ title, isolates, over, isOurs }) => [
    "P8",
    `admitted beyond ${whole(CAPACITY)} by 64 clients over ${isolates} ${isolates === 1 ? "process" : "isolates"}: ${title}`,
    isOurs ? "<= 0" : "",
    `${whole(over.median)} (${whole(over.min)} to ${whole(over.max)})`,
    isOurs ? met(over.max <= 0) : "",
  ]);
}

function growthRows({ growth, memory }: Results): Row[] {
  if (growth.length === 0) return [];
  const ratios = growth.map(({ toEmpty }) => toEmpty.median);
  const apart = Math.max(...ratios) / Math.min(...ratios) - 1;
  const [first, last] = [memory[0], memory.at(-1)];
  const users = growth.map((each) => whole(each.users)).join(", ");
  return [
    [
      "P9",
      `strict, to an empty object call, with ${users} users`,
      `within ${MOST_APART * 100} %`,
      ratios.map(two).join(", "),
      met(apart <= MOST_APART),
    ],
    [
      "P9",
      last
        ? `heap of an edge's isolate before and after ${whole(last.users)} users; it remembers 10,000 at most`
        : "heap of an edge's isolate",
      "bounded",
      first && last
        ? `${two(first.heapMb)} MB, ${two(last.heapMb)} MB`
        : "not measured: the inspector was silent",
      "",
    ],
  ];
}

function shareRows({ rounds }: Results): Row[] {
  return shares(rounds).map(({ title, ofBare, atLeast }) => [
    "P10",
    `share of its runtime's bare throughput: ${title}`,
    atLeast === null ? "" : `>= ${atLeast}`,
    spread(ofBare),
    atLeast === null ? "" : met(ofBare.median >= atLeast),
  ]);
}

function table(head: readonly string[], rows: readonly Row[]): string {
  const line = (cells: Row): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function met(isMet: boolean): string {
  return isMet ? "met" : "**missed**";
}

function spread({ median, min, max }: Spread): string {
  return `${two(median)} (${two(min)} to ${two(max)})`;
}

/** Two digits after the point below 10, one below 100. */
function two(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
