/** Usage reports of a real ledger, against a slow count of everything that was added to it. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { Memory } from "../../durable-objects/user-limiter/memory.ts";
import { usageRows } from "../../durable-objects/user-limiter/usage-report.ts";
import { usagePeriodAt } from "../../src/api/accounts/usage-period.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import { type UnitCosts, unitCosts } from "../../src/core/unit-costs.ts";
import { modeOf } from "../../src/identity/key-mode.ts";
import type { Granularity, UsageGroup, UsageQuery, UsageRow } from "../../src/objects/account.ts";
import { Disk, storageOf } from "./sqlite-storage.ts";

const RUNS = 60;
const START_MS = Date.UTC(2028, 0, 30, 22);
const GROUPINGS: readonly (readonly UsageGroup[])[] = [
  [],
  ["route"],
  ["key"],
  ["unit"],
  ["route", "key"],
  ["route", "unit"],
  ["key", "unit"],
  ["route", "key", "unit"],
];
const ALL = { fromMs: 0, toMs: 253_402_300_800_000, after: null, byRoute: false } as const;

interface Added {
  readonly atMs: number;
  readonly route: string;
  readonly keyId: string;
  readonly requests: number;
  readonly costMilli: number;
  readonly denied: number;
  readonly units: UnitCosts | null;
}

/** Sums of rows, in thousandths. */
interface Sums {
  requests: number;
  denied: number;
  /** By unit. */
  readonly costs: Map<string, number>;
}

const added = fc.record({
  atMs: fc.nat(40 * 24).map((hour) => START_MS + hour * HOUR_MS),
  // Ordered differently as UTF-16.
  route: fc.constantFrom("", "/a", "/b", "/\uffee", "/\u{1f680}"),
  keyId: fc.constantFrom("", "k1", "k2", "test_k3"),
  requests: fc.nat(3),
  costMilli: fc.nat(5_000),
  denied: fc.nat(2),
  units: fc
    .array(fc.tuple(fc.constantFrom("rows", "tokens"), fc.integer({ min: 1, max: 90_000 })), { maxLength: 2 })
    .map((pairs) => unitCosts(new Map(pairs))),
});

function ledgerWith(all: readonly Added[], isStored: boolean): { memory: Memory; sql: SqlStorage } {
  const handle = { isReplaced: false, failNextWrite: false, onFailure: () => {}, onAudit: () => {} };
  const storage = storageOf(new Disk(), handle, () => {});
  const deliver = () => Promise.resolve(null);
  const memory = new Memory(storage, deliver, (_entry, _answer, remove) => remove());
  all.forEach(({ atMs, units, ...cell }, i) => {
    memory.ledger.add(atMs, cell, units);
    // The last few stay open.
    if (isStored && i === all.length - 4) memory.transact(() => memory.writeState(START_MS + 60 * DAY_MS));
  });
  return { memory, sql: storage.sql };
}

function compareBytes(a: readonly string[], b: readonly string[]): number {
  for (const [i, text] of a.entries()) {
    const order = Buffer.compare(Buffer.from(text), Buffer.from(b[i] ?? ""));
    if (order !== 0) return order;
  }
  return 0;
}

const nameOf = (row: UsageRow): string[] => [row.period, row.route ?? "", row.key ?? "", row.unit ?? ""];

/** The expected figures of each row, by its name. */
function model(
  all: readonly Added[],
  by: readonly UsageGroup[],
  granularity: Granularity,
  anchorDay: number,
): Map<string, Sums> {
  const sums = new Map<string, Sums>();
  for (const { atMs, route, keyId, requests, costMilli, denied, units } of all) {
    const { startMs } = usagePeriodAt(granularity, atMs, anchorDay);
    const period = new Date(startMs).toISOString().replace(".000Z", "Z");
    for (const [unit, milli] of [["requests", costMilli] as const, ...(units ?? [])]) {
      const values = { route, key: keyId, unit };
      const place = (["route", "key", "unit"] as const).map((group) =>
        by.includes(group) ? values[group] : "",
      );
      const name = JSON.stringify([period, ...place]);
      const row = sums.get(name) ?? { requests: 0, denied: 0, costs: new Map() };
      row.requests += unit === "requests" ? requests : 0;
      row.denied += unit === "requests" ? denied : 0;
      row.costs.set(unit, (row.costs.get(unit) ?? 0) + milli);
      sums.set(name, row);
    }
  }
  for (const [name, { requests, denied, costs }] of sums) {
    if (requests + denied === 0 && [...costs.values()].every((milli) => milli === 0)) sums.delete(name);
  }
  return sums;
}

/** As {@link model}, of what was answered. */
function figuresOf(rows: readonly UsageRow[]): Map<string, Sums> {
  return new Map(
    rows.map((row) => {
      const costs = new Map([[row.unit ?? "requests", Math.round(row.cost * 1_000)]]);
      for (const [unit, amount] of Object.entries(row.units ?? {})) {
        costs.set(unit, Math.round(amount * 1_000));
      }
      return [JSON.stringify(nameOf(row)), { requests: row.requests, denied: row.denied, costs }];
    }),
  );
}

/** The sum over all rows. */
function totalOf(figures: ReadonlyMap<string, Sums>): Sums {
  const total: Sums = { requests: 0, denied: 0, costs: new Map() };
  for (const { requests, denied, costs } of figures.values()) {
    total.requests += requests;
    total.denied += denied;
    for (const [unit, milli] of costs) total.costs.set(unit, (total.costs.get(unit) ?? 0) + milli);
  }
  for (const [unit, milli] of total.costs) if (milli === 0) total.costs.delete(unit);
  return total;
}

const cases = fc.record({
  all: fc.array(added, { minLength: 1, maxLength: 60 }),
  isStored: fc.boolean(),
  granularity: fc.constantFrom<Granularity>("hour", "day", "week", "month"),
  anchorDay: fc.constantFrom(1, 15, 31),
  keyMode: fc.constantFrom("live" as const, "test" as const, null),
  count: fc.integer({ min: 1, max: 7 }),
});

it("has the rows of the ledger in any grouping, in order, and pages together are one page", () => {
  const seen = { open: 0, stored: 0, paged: 0 };
  fc.assert(
    fc.property(cases, ({ all, isStored, granularity, anchorDay, keyMode, count }) => {
      const { memory, sql } = ledgerWith(all, isStored);
      const own = all.filter(({ keyId }) => keyMode === null || modeOf(keyId) === keyMode);
      const query = { ...ALL, granularity, anchorDay, keyMode };
      const ask = (more: Pick<UsageQuery, "by" | "after" | "count">): UsageRow[] =>
        usageRows(sql, memory, { ...query, ...more });
      const total = totalOf(model(own, [], granularity, anchorDay));
      for (const by of GROUPINGS) {
        const rows = ask({ by, after: null, count: 10_000 });
        const names = rows.map(nameOf);
        expect(names).toEqual(names.toSorted(compareBytes));
        const figures = figuresOf(rows);
        const expected = model(own, by, granularity, anchorDay);
        expect(new Set(figures.keys())).toEqual(new Set(expected.keys()));
        for (const [name, row] of expected) {
          expect(figures.get(name)).toMatchObject({ requests: row.requests, denied: row.denied });
          for (const [unit, milli] of row.costs) expect(figures.get(name)?.costs.get(unit)).toBe(milli);
        }
        expect(totalOf(figures)).toEqual(total);
        const paged: UsageRow[] = [];
        for (let page: UsageRow[] | null = null; page === null || page.length === count;) {
          const last = paged.at(-1);
          page = ask({ by, after: last ? { ...last, route: last.route ?? "" } : null, count });
          paged.push(...page);
        }
        expect(paged).toEqual(rows);
        seen.paged += paged.length > count ? 1 : 0;
      }
      seen.open += memory.ledger.openCells.length > 0 ? 1 : 0;
      seen.stored += memory.hasTables ? 1 : 0;
    }),
    { numRuns: RUNS, seed: 20_261_130 },
  );
  // Each case really occurred.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(RUNS / 4);
});

it("takes what an older Worker asks for, by route or not", () => {
  const first = { atMs: START_MS, requests: 1, costMilli: 1_000, denied: 0, units: null };
  const all = [
    { ...first, route: "/a", keyId: "" },
    { ...first, route: "/b", keyId: "" },
  ];
  const { memory, sql } = ledgerWith(all, false);
  const query = { ...ALL, granularity: "month", anchorDay: 1, count: 10 } as const;
  const routes = (byRoute: boolean) =>
    usageRows(sql, memory, { ...query, byRoute }).map(({ route, requests }) => [route, requests]);
  expect(routes(false)).toEqual([[null, 2]]);
  expect(routes(true)).toEqual([
    ["/a", 1],
    ["/b", 1],
  ]);
});
