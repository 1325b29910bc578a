/** The tables of a run as Markdown, for the console, the README and docs/performance.md. Pure. */
import { CONTENDERS } from "./contenders.ts";
import type { Growth } from "./growth.ts";
import type { Hops } from "./hops.ts";
import type { NewcomersCost } from "./newcomers.ts";
import { type Operations, priceOf } from "./price.ts";
import { POPULATION } from "./rates.ts";
import { type Spread, spreadOf } from "./ratios.ts";
import type { Results } from "./results.ts";
import type { ContenderRun } from "./rounds.ts";
import { type Row, spread, table, two, whole } from "./table-format.ts";
import { targetRows } from "./target-rows.ts";

/** All tables, as quoted in docs/performance.md. */
export function asMarkdown(results: Results): string {
  const { date, commit, machine, command, newcomers, hotUsers } = results;
  return [
    `\`${command}\`, ${date.slice(0, 16).replace("T", " ")} UTC, commit ${commit}, ${machine}. "Many users" means ${whole(results.manyUsers)}.`,
    targetTable(results),
    "Each contender on its own:",
    contenderTable(results),
    ...(results.rates.length > 0 ? [RATES_TITLE, rateTable(results)] : []),
    "Billed operations per million decisions without a pause, by kind of decision:",
    costTable(results),
    ...(results.hops.length > 0 ? [HOPS_TITLE, hopTable(results.hops)] : []),
    ...(results.growth.length > 0
      ? ["Throughput by number of users, strict:", growthTable(results.growth)]
      : []),
    ...(newcomers ? [newcomersLine(newcomers)] : []),
    ...(hotUsers
      ? ["One user over many isolates, simulated (`npm run bench:hot-users`):", `\`\`\`\n${hotUsers}\n\`\`\``]
      : []),
  ].join("\n\n");
}

const RATES_TITLE =
  "Billed operations per million decisions of a user of the pro tier at a steady rate, and of a population of users, as counted, and their price:";
const HOPS_TITLE =
  "Requests that wait for a call, and what the limiter adds to a request, by the distance of the object:";

/** The table of the targets P1 to P11. */
export function targetTable(results: Results): string {
  return table(["#", "what", "target", "measured: median (min to max)", ""], targetRows(results));
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

/** The users of P6. */
export function rateTable({ rates }: Results): string {
  const rows = rates.map(({ perSecond, operations, cpuUs, denied }): Row => {
    const who =
      perSecond === null
        ? `${whole(POPULATION.users)} users, ${whole(POPULATION.perSecond)}/s in total`
        : `one user, ${perSecond}/s`;
    const { decisions } = operations;
    return [
      who,
      ...countsOf(operations),
      `${((100 * denied) / decisions).toFixed(0)} %`,
      whole(cpuUs),
      two(priceOf(operations, cpuUs)),
    ];
  });
  return table(["caller", ...COUNTED, "denied", "CPU us", "$"], rows);
}

/** Billed operations of a million decisions without a pause, by caller. */
export function costTable({ cost }: Results): string {
  const rows: Row[] = [];
  for (const [analytics, callers] of cost) {
    for (const [name, operations] of callers) rows.push([analytics, name, ...countsOf(operations)]);
  }
  return table(["points go to", "caller", ...COUNTED], rows);
}

const COUNTED = [
  "object calls",
  "hub calls",
  "rows",
  "hub rows",
  "KV reads",
  "data points",
  "awake s",
] as const;

/** Per million decisions, in the order of {@link COUNTED}. */
function countsOf(operations: Operations): Row {
  const { decisions, objectCalls, hubCalls, rowsWritten, hubRows, kvReads, dataPoints, awakeMs } = operations;
  return [objectCalls, hubCalls, rowsWritten, hubRows, kvReads, dataPoints, awakeMs / 1_000].map((count) =>
    whole((count / decisions) * 1e6),
  );
}

/** P11. */
export function hopTable(hops: readonly Hops[]): string {
  const rows = hops.map(({ tier, distanceMs, perSecond, isolates, waited, p50Ms, p99Ms }): Row => [
    tier === "steady" ? "auto" : "strict",
    `${distanceMs} ms`,
    `${perSecond}/s`,
    isolates,
    `${(100 * waited).toFixed(1)} %`,
    two(p50Ms),
    two(p99Ms),
  ]);
  return table(["mode", "object", "rate", "isolates", "wait", "p50 ms", "p99 ms"], rows);
}

/** P9: throughput by number of users. */
export function growthTable(growth: readonly Growth[]): string {
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
