/** The benchmark's calculations: ratios within rounds, wrk's output, prices, the budget, the quoted tables. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { countsOf, priceOf } from "../../bench/price.ts";
import { readWrk } from "../../bench/wrk.ts";
import { linesOf, parseBudget } from "../../bench/over-budget.ts";
import { chooseRows, quote } from "../../bench/quote.ts";
import { ratiosOf, spreadOf } from "../../bench/ratios.ts";
import { CONTENDERS } from "../../bench/contenders.ts";
import type { Results } from "../../bench/results.ts";
import { asMarkdown, targetTable } from "../../bench/tables.ts";
import { README_ROWS, targetRows } from "../../bench/target-rows.ts";

describe("ratios", () => {
  it("are computed within each round, so that a slow round affects both sides", () => {
    expect(ratiosOf([90, 9, 45], [100, 10, 50])).toEqual({ median: 0.9, min: 0.9, max: 0.9 });
  });

  it("have the middle of all rounds as their median, in any order", () => {
    expect(spreadOf([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9 });
    expect(spreadOf([4, 1, 2, 9]).median).toBe(3);
  });

  it("are rejected if rounds are missing", () => {
    expect(() => ratiosOf([1, 2], [1])).toThrow(RangeError);
    expect(() => spreadOf([])).toThrow(RangeError);
  });
});

const WRK = `Running 1s test @ http://127.0.0.1:22001/identify
  1 threads and 64 connections
  Latency Distribution
     50%  850.00us
     75%    9.64ms
     90%   11.37ms
     99%    1.02s
  8012 requests in 1.00s, 1.93MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 12
Requests/sec:   7985.41
Transfer/sec:      1.92MB
`;

describe("wrk's output", () => {
  it("is parsed with its units, rejections and errors", () => {
    expect(readWrk(WRK)).toEqual({
      requests: 8012,
      perSecond: 7985.41,
      rejected: 12,
      errors: 10,
      p50Ms: 0.85,
      p99Ms: 1020,
    });
  });

  it("has no rejections and no errors if it lists none", () => {
    const clean = WRK.split("\n").filter((line) => !/errors|Non-2xx/.test(line));
    expect(readWrk(clean.join("\n"))).toMatchObject({ rejected: 0, errors: 0 });
  });

  it("is rejected if it is not wrk's", () => {
    expect(() => readWrk("unable to connect to 127.0.0.1:1 Connection rejected")).toThrow(/wrk printed no/);
  });
});

it("the price of a decision is the price of the counted operations", () => {
  const none = countsOf(() => 0);
  expect(priceOf({ decisions: 1_000, ...none }, 0)).toBeCloseTo(0.3);
  expect(priceOf({ decisions: 1_000, ...none }, 500)).toBeCloseTo(0.31);
  const naive = { ...none, objectCalls: 1_000, rowsWritten: 1_000, kvReads: 1_000, dataPoints: 1_000 };
  expect(priceOf({ decisions: 1_000, ...naive }, 0)).toBeCloseTo(2.2);
  // Each operation alone, without the requests' 0.30 $. The hub costs the same as any other object.
  const each = Object.keys(none).map((name) => {
    return [name, Number((priceOf({ decisions: 1_000, ...none, [name]: 1_000 }, 0) - 0.3).toFixed(6))];
  });
  expect(Object.fromEntries(each)).toEqual({
    objectCalls: 0.15,
    hubCalls: 0.15,
    rowsWritten: 1,
    hubRows: 1,
    kvReads: 0.5,
    kvWrites: 5,
    dataPoints: 0.25,
    // A second of an object per thousand decisions.
    awakeMs: 0.0016,
    credentialChecks: 0,
  });
});

describe("the budget", async () => {
  const budget = parseBudget(JSON.parse(await readFile("bench/budget.json", "utf8")));

  it("is met by figures equal to it", () => {
    expect(linesOf(budget, budget).filter(({ isOver }) => isOver)).toEqual([]);
  });

  it("is exceeded by a single figure that has grown, or that was not measured", () => {
    const { strict } = budget;
    const grown = { ...budget, strict: { ...strict, rowsWritten: strict.rowsWritten + 1 } };
    const over = linesOf(grown, budget).filter(({ isOver }) => isOver);
    expect(over.map(({ figure }) => figure)).toEqual(["strict: rowsWritten per 1,000"]);
    const unknown = linesOf({ ...budget, gzipKb: Number.NaN }, budget).filter(({ isOver }) => isOver);
    expect(unknown.map(({ figure }) => figure)).toEqual(["bundle, KiB"]);
  });

  it("is rejected if a figure is missing", () => {
    expect(() => parseBudget({ ...budget, gzipKb: undefined })).toThrow(/gzipKb/);
  });
});

describe("the tables of a run", () => {
  const spread = { median: 1, min: 1, max: 1 };
  const run = { requests: 1, perSecond: 100, rejected: 0, errors: 0, p50Ms: 1, p99Ms: 1, cpuUs: 50 };
  const decisions = { ...countsOf(() => 1), decisions: 1_000 };
  const counts = new Map([
    ["auto", decisions],
    ["strict", decisions],
  ] as const);
  const accuracy = { title: "**auto**, 40 ms away", isOurs: true, isolates: 4, over: spread };
  const hop = { tier: "steady", distanceMs: 20, waited: 0.05, p50Ms: 0, p99Ms: 20 } as const;
  const results: Results = {
    date: "2026-12-01T00:00:00.000Z",
    commit: "abc",
    machine: "one",
    command: "npm run bench",
    manyUsers: 1_000,
    rounds: new Map(CONTENDERS.map(({ name }) => [name, [run]])),
    accuracy: [
      { ...accuracy, clients: 64 },
      { ...accuracy, clients: 6_000 },
    ],
    cost: new Map([["embedded", counts]] as const),
    rates: [1, 10, 100, null].map((perSecond) => ({
      perSecond,
      operations: decisions,
      cpuUs: 500,
      denied: 0,
    })),
    hops: [
      { ...hop, perSecond: 10, isolates: 1 },
      { ...hop, perSecond: 10, isolates: 4, waited: 1 },
      { ...hop, perSecond: 100, isolates: 1 },
    ],
    size: { gzipKb: 106, startMs: spread, bareStartMs: spread },
    growth: [],
    newcomers: null,
    memory: [],
    hotUsers: null,
  };

  it("have each row that the README quotes, once", () => {
    const rows = chooseRows(targetTable(results), README_ROWS).split("\n");
    expect(rows).toHaveLength(2 + README_ROWS.length);
  });

  it("say what is met and what is missed", () => {
    const rows = targetRows(results);
    const verdictOf = (beginning: string): unknown =>
      rows.find(([, what]) => String(what).startsWith(beginning))?.at(-1);
    expect(verdictOf("64 clients of one user")).toBe("**missed**");
    expect(verdictOf("the bundle")).toBe("met");
    expect(verdictOf("share of requests that wait for a call, 10/s over 1 isolate,")).toBe("met");
    expect(verdictOf("share of requests that wait for a call, 10/s over 4 isolates,")).toBe("**missed**");
    expect(verdictOf("share of requests that wait for a call, 100/s")).toBe("**missed**");
  });

  it("have all figures of the run", () => {
    const markdown = asMarkdown(results);
    expect(markdown).not.toMatch(/NaN|undefined/);
    expect(markdown).toContain(
      "| one user, 10/s | 1,000 | 1,000 | 1,000 | 1,000 | 1,000 | 1,000 | 1 | 0 % | 500 |",
    );
  });
});

describe("a quoted table", () => {
  const tables = { chosen: "| new |", all: "| all |" };

  it("replaces the previous one and nothing else", () => {
    const document = "a\n<!-- bench:chosen -->\n| old |\n<!-- /bench -->\nb\n";
    const quoted = "a\n<!-- bench:chosen -->\n| new |\n<!-- /bench -->\nb\n";
    expect(quote(document, tables)).toBe(quoted);
    expect(quote(quoted, tables)).toBe(quoted);
    expect(quote("nothing to quote\n", tables)).toBe("nothing to quote\n");
  });

  it("is rejected without an end marker", () => {
    expect(() => quote("<!-- bench:all -->\nthe rest\n", tables)).toThrow(/has no/);
  });
});

describe("chosen rows", () => {
  const table = "| # | what |\n| --- | --- |\n| P1 | leased |\n| P1 | strict |\n| P2 | denied |";

  it("stand in the order they are asked for, below the table's head", () => {
    expect(chooseRows(table, ["P2", "P1 | leased"])).toBe(
      "| # | what |\n| --- | --- |\n| P2 | denied |\n| P1 | leased |",
    );
  });

  it("are rejected unless each beginning matches one row", () => {
    expect(() => chooseRows(table, ["P3"])).toThrow('no row begins with "| P3"');
    expect(() => chooseRows(table, ["P1"])).toThrow('several rows begin with "| P1"');
  });
});
