/** The rows of the table of targets P1 to P11. Pure. P12 is simulated on its own (hot-users.ts). */
import type { Accuracy } from "./accuracy.ts";
import { priceOf } from "./price.ts";
import { POPULATION } from "./rates.ts";
import { CAPACITY } from "./rig-workers.ts";
import type { Results } from "./results.ts";
import { met, type Row, spread, two, whole } from "./table-format.ts";
import {
  compare,
  MAX_DEVIATION,
  MAX_DOLLARS,
  MAX_GZIP_KB,
  MAX_ROWS,
  MAX_START_MS,
  MAX_WAITED,
  shares,
} from "./targets.ts";

/** Beginnings of README's rows: what users of the product ask first, whether their target is met or missed. */
export const README_ROWS = [
  "P8 | admitted in excess of 3,000, 64 clients over 4 isolates: **auto**, 40 ms away",
  "P11 | share of requests that wait for a call, 10/s over 1 isolate,",
  "P6 | $ per million decisions, everything included: one user with 10 requests/s",
  "P4 | hot user, relative to hono-rate-limiter",
  "P1 | hot user, forwarded upstream",
];

export function targetRows(results: Results): Row[] {
  return [
    ...compare(results.rounds).map(
      ({ target, what, comparedWith, atLeast, throughput, cpu, leastCpu }): Row => [
        target,
        `${what}, relative to ${comparedWith}`,
        `>= ${atLeast}`,
        `${spread(throughput)}; CPU ratio ${two(cpu.median)}, of the best rounds ${two(leastCpu)}`,
        met(throughput.median >= atLeast),
      ],
    ),
    ...writtenRows(results),
    ...priceRows(results),
    ...sizeRows(results),
    ...results.accuracy.map(accuracyRow),
    ...growthRows(results),
    ...shareRows(results),
    ...hopRows(results),
  ];
}

/** P5. */
function writtenRows({ cost }: Results): Row[] {
  return (["auto", "strict"] as const).flatMap((name): Row[] => {
    const counted = cost.get("embedded")?.get(name);
    if (!counted) return [];
    const perMillion = (counted.rowsWritten / counted.decisions) * 1e6;
    return [
      [
        "P5",
        `rows written per million decisions of a busy user, ${name}`,
        `<= ${whole(MAX_ROWS)}`,
        whole(perMillion),
        met(perMillion <= MAX_ROWS),
      ],
    ];
  });
}

/** P6. */
function priceRows({ rates, cost, rounds }: Results): Row[] {
  const naive = cost.get("engine")?.get("naive");
  const cpuUs = rounds.get("write")?.[0]?.cpuUs ?? 0;
  const compared = naive ? `; naive ${two(priceOf(naive, cpuUs))}` : "";
  return rates.map(({ perSecond, operations, cpuUs: own }): Row => {
    const who =
      perSecond === null
        ? `${whole(POPULATION.users)} users with ${whole(POPULATION.perSecond)} requests/s in total`
        : `one user with ${perSecond} requests/s`;
    const dollars = priceOf(operations, own);
    const max = MAX_DOLLARS.get(perSecond) ?? 0;
    return [
      "P6",
      `$ per million decisions, everything included: ${who}`,
      `<= ${max.toFixed(2)}`,
      `${two(dollars)}${compared}`,
      met(dollars <= max),
    ];
  });
}

/** P7. */
function sizeRows({ size: { gzipKb, startMs, bareStartMs } }: Results): Row[] {
  return [
    [
      "P7",
      "the bundle that every isolate loads, minified and compressed",
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

/** P8. */
function accuracyRow({ title, clients, isolates, over, isOurs }: Accuracy): Row {
  return [
    "P8",
    `admitted in excess of ${whole(CAPACITY)}, ${whole(clients)} clients over ${isolates} ${isolates === 1 ? "process" : "isolates"}: ${title}`,
    isOurs ? "<= 0" : "",
    `${whole(over.median)} (${whole(over.min)} to ${whole(over.max)})`,
    isOurs ? met(over.max <= 0) : "",
  ];
}

/** P9. */
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

/** P10. */
function shareRows({ rounds }: Results): Row[] {
  return shares(rounds).map(({ title, ofBare, atLeast }) => [
    "P10",
    `share of the runtime's throughput without a limiter: ${title}`,
    atLeast === null ? "" : `>= ${atLeast}`,
    spread(ofBare),
    atLeast === null ? "" : met(ofBare.median >= atLeast),
  ]);
}

/** P11: by rate, the worst of all distances and numbers of isolates. */
function hopRows({ hops }: Results): Row[] {
  const lent = hops.filter(({ tier }) => tier === "steady");
  return [...new Set(lent.map(({ perSecond }) => perSecond))].flatMap((rate): Row[] =>
    [...new Set(lent.map(({ isolates }) => isolates))].map((isolates): Row => {
      const cells = lent.filter((cell) => cell.perSecond === rate && cell.isolates === isolates);
      const waited = Math.max(...cells.map((cell) => cell.waited));
      const p50Ms = Math.max(...cells.map((cell) => cell.p50Ms));
      const max = MAX_WAITED.get(rate);
      const where = [...new Set(cells.map((cell) => cell.distanceMs))].join(", ");
      return [
        "P11",
        `share of requests that wait for a call, ${rate}/s over ${isolates} ${isolates === 1 ? "isolate" : "isolates"}, object ${where} ms away`,
        max === undefined ? "" : `<= ${max}; p50 0 ms`,
        `${waited.toFixed(3)}; p50 ${two(p50Ms)} ms`,
        max === undefined ? "" : met(waited <= max && p50Ms < 0.05),
      ];
    }),
  );
}
