/** The usage ledger, from which bills are made: equal to the admitted requests by hour, route and key, with denials separate. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { bucket, later, publish, publishLimits, quota, startClock, stopClock } from "./fixture.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import { periodAt } from "../../src/core/calendar.ts";
import type { UsageQuery, UsageRow } from "../../src/objects/account.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

const ROUTES = Array.from({ length: 45 }, (_, i) => `/r${i}`);

const cellsSchema = z.array(
  z.object({
    hour: z.number(),
    route: z.string(),
    keyId: z.string(),
    requests: z.number(),
    costMilli: z.number(),
    denied: z.number(),
  }),
);
type Cell = z.infer<typeof cellsSchema>[number];

/** Every cell of the ledger in storage: the closed hours of the table and the open ones of the state row. */
async function storedCells(user: UserObject): Promise<{ closed: Cell[]; open: Cell[] }> {
  const closed = await user.query(
    "SELECT hour, route, key_id AS keyId, requests, cost_milli AS costMilli, denied FROM usage",
  );
  const { openCells: open } = z.object({ openCells: cellsSchema }).parse(await user.state());
  return { closed: cellsSchema.parse(closed), open };
}

/** What the ledger should be, counted by the test. */
class Tally {
  readonly cells = new Map<string, Cell>();

  add(given: { route: string; keyId: string }, allowed: boolean, costMilli: number): void {
    const hour = Math.floor(Date.now() / HOUR_MS);
    const name = JSON.stringify([hour, given.route, given.keyId]);
    const cell = this.cells.get(name) ?? { hour, ...given, requests: 0, costMilli: 0, denied: 0 };
    if (allowed) {
      cell.requests += 1;
      cell.costMilli += costMilli;
    } else {
      cell.denied += 1;
    }
    this.cells.set(name, cell);
  }
}

/** In a fixed order, with the parts of each cell added up. */
function sorted(cells: Iterable<Cell>): Cell[] {
  const sums = new Map<string, Cell>();
  for (const cell of cells) {
    const name = JSON.stringify([cell.hour, cell.route, cell.keyId]);
    const sum = sums.get(name);
    const { requests = 0, costMilli = 0, denied = 0 } = sum ?? {};
    sums.set(name, {
      ...cell,
      requests: requests + cell.requests,
      costMilli: costMilli + cell.costMilli,
      denied: denied + cell.denied,
    });
  }
  return [...sums.values()].toSorted(
    (a, b) => a.hour - b.hour || a.route.localeCompare(b.route) || a.keyId.localeCompare(b.keyId),
  );
}

async function userWithKeys(...keyIds: string[]): Promise<UserObject> {
  const routes = ROUTES.map((match) => ({ match }));
  const user = new UserObject(await publish({ free: { limits: [bucket(60, "hour", 300)] } }, routes));
  await user.stub.createAccount("u", { name: "U", tier: "free" });
  for (const keyId of keyIds) {
    await user.stub.addKey({
      keyId,
      hash: `${user.name}${keyId}`,
      name: keyId,
      scopes: ["call"],
      expiresMs: null,
    });
  }
  return user;
}

it("equals the admitted requests by hour, route and key, over many hours, pauses and evictions", async () => {
  const user = await userWithKeys("k1", "k2");
  const tally = new Tally();
  // A fixed walk over routes, keys, costs and times: the hour changes every few steps, with and without a pause before.
  for (let n = 0; n < 400; n++) {
    const route = ROUTES[(n * n) % 7] ?? "";
    const keyId = ["", "k1", "k2"][n % 3] ?? "";
    const costMilli = (n % 11) * 700;
    const { allowed } = await user.decide({ route, keyId: keyId || null, costMilli });
    tally.add({ route, keyId }, allowed, costMilli);
    if (n % 17 === 0) later(HOUR_MS / 3);
    if (n % 29 === 0) await user.pause();
    if (n % 58 === 0) await user.evict();
  }
  await user.pause();
  await user.evict();
  const { closed, open } = await storedCells(user);
  expect(sorted([...closed, ...open])).toEqual(sorted(tally.cells.values()));
  expect(closed.length).toBeGreaterThan(30);
  expect([...tally.cells.values()].some(({ denied }) => denied > 0)).toBe(true);
});

it("keeps the open hour in the state row and moves it to the table with the first write of the next", async () => {
  const user = await userWithKeys();
  await user.allowedOf(3, { route: "/r1" });
  await user.pause();
  const hour = Math.floor(Date.now() / HOUR_MS);
  const cell = { hour, route: "/r1", keyId: "", requests: 3, costMilli: 3_000, denied: 0 };
  expect(await storedCells(user)).toEqual({ closed: [], open: [cell] });
  later(HOUR_MS);
  await user.decide({ route: "/r1" });
  const next = { ...cell, hour: hour + 1, requests: 1, costMilli: 1_000 };
  expect(await storedCells(user)).toEqual({ closed: [cell], open: [next] });
});

it("moves the hours from before the account to the table when there is one", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "second", 1_000)));
  await user.allowedOf(2);
  later(HOUR_MS);
  await user.allowedOf(3);
  later(HOUR_MS);
  await user.stub.createAccount("ada", { name: "Ada", tier: "free" });
  await user.decide();
  const { closed, open } = await storedCells(user);
  expect([closed, open]).toMatchObject([[{ requests: 2 }, { requests: 3 }], [{ requests: 1 }]]);
  expect((await user.status()).usage.month).toMatchObject({ requests: 6, cost: 6 });
});

it("closes an hour once, even if the write fails halfway and is retried", async () => {
  // openmeterio/openmeter#5118
  const user = await userWithKeys();
  await user.allowedOf(3, { route: "/r1" });
  await user.pause();
  later(HOUR_MS);
  await user.failNextState();
  expect(await user.failureOf({ route: "/r1" })).toContain("disk failure");
  expect((await storedCells(user)).closed).toEqual([]);
  expect((await storedCells(user)).open).toMatchObject([{ requests: 3 }]);
  await user.decide({ route: "/r1" });
  await user.pause();
  await user.evict();
  expect((await user.status()).usage.day).toEqual({ requests: 4, cost: 4, denied: 0 });
  const { closed, open } = await storedCells(user);
  expect([closed, open]).toMatchObject([[{ requests: 3 }], [{ requests: 1 }]]);
});

it("loses no cell if an hour has more than the state row may hold", async () => {
  const user = await userWithKeys("k1");
  const tally = new Tally();
  for (let round = 0; round < 2; round++) {
    for (const route of ROUTES) {
      for (const keyId of ["", "k1"]) {
        const { allowed } = await user.decide({ route, keyId: keyId || null });
        tally.add({ route, keyId }, allowed, 1_000);
      }
    }
    await user.pause();
  }
  await user.evict();
  const { closed, open } = await storedCells(user);
  expect(sorted([...closed, ...open])).toEqual(sorted(tally.cells.values()));
  expect(open.length).toBeLessThanOrEqual(32);
  expect((await user.status()).usage.hour).toEqual({ requests: 180, cost: 180, denied: 0 });
});

it("counts denials separately: no request, no cost", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "day", 5)));
  await user.allowedOf(9);
  await user.decide({ costMilli: 99_000 });
  expect((await user.status()).usage.hour).toEqual({ requests: 5, cost: 5, denied: 5 });
  await user.pause();
  await user.evict();
  expect((await user.status()).usage.hour).toEqual({ requests: 5, cost: 5, denied: 5 });
});

it("adds up beyond exact numbers, and decisions continue", async () => {
  const user = new UserObject(await publish({ free: { limits: [], mode: "leased" } }));
  for (let i = 0; i < 4; i++) {
    const leaseId = await user.lease(16_000);
    const cells = [{ route: "", keyId: "", requests: 1, costMilli: 2 ** 52, denied: 0 }];
    await user.stub.serve({ settlements: [{ leaseId, cells }], questions: [] });
  }
  await user.pause();
  await user.evict();
  expect(await user.decide()).toMatchObject({ outcome: "allowed" });
  expect((await user.status()).usage.hour.cost).toBeCloseTo((4 * 2 ** 52) / 1_000 + 5, 1);
});

it("loses at most 256 denials in a crash, however many there were without a pause", async () => {
  const user = new UserObject(await publishLimits(quota(1, "month")));
  await user.allowedOf(1);
  for (let i = 0; i < 3; i++) await user.decideAll(Array.from({ length: 200 }, () => ({})));
  await user.crash();
  expect((await user.status()).usage.hour.denied).toBeGreaterThanOrEqual(600 - 256);
});

it("reports usage of this hour, day and month", async () => {
  const user = new UserObject(await publishLimits(bucket(1, "second", 1_000)));
  vi.setSystemTime(Date.UTC(2100, 9, 31, 21, 59, 59, 999));
  await user.allowedOf(1);
  later(1);
  await user.allowedOf(2);
  later(HOUR_MS);
  const now = await user.status();
  expect([now.usage.hour.requests, now.usage.day.requests, now.usage.month.requests]).toEqual([0, 3, 3]);
  await user.allowedOf(3);
  const used = await user.status();
  expect([used.usage.hour.requests, used.usage.day.requests, used.usage.month.requests]).toEqual([3, 6, 6]);
  // Midnight, and the first of November.
  later(HOUR_MS);
  await user.allowedOf(4);
  const november = await user.status();
  expect([november.usage.hour.requests, november.usage.month.requests]).toEqual([4, 4]);
  later(DAY_MS);
  await user.allowedOf(5);
  await user.pause();
  await user.evict();
  const second = await user.status();
  expect([second.usage.hour.requests, second.usage.day.requests, second.usage.month.requests]).toEqual([
    5, 5, 9,
  ]);
});

/** Usage in pages of `count` rows. */
async function pagesOf(user: UserObject, given: Partial<UsageQuery>, count: number): Promise<UsageRow[]> {
  const all = {
    fromMs: 0,
    toMs: 253_402_300_800_000,
    granularity: "month",
    anchorDay: 1,
    byRoute: true,
  } as const;
  const rows: UsageRow[] = [];
  for (let page: UsageRow[] | null = null; page === null || page.length === count;) {
    const last = rows.at(-1);
    const after = last ? { period: last.period, route: last.route ?? "" } : null;
    page = (await user.stub.usage({ ...all, after, count, ...given })) ?? [];
    rows.push(...page);
    if (rows.length > 2_000) throw new Error("there is no last page");
  }
  return rows;
}

it("is paged by routes in one order: none, any script, open and closed hours", async () => {
  const user = await userWithKeys();
  const routes = ["", "/", "/a", "/\ue000", "/\uffee", "/\u{1f680}", "/é"];
  const hour = Math.floor(Date.now() / HOUR_MS);
  for (const route of routes) {
    await user.query(
      "INSERT INTO usage (hour, route, key_id, requests, cost_milli, denied) VALUES (?, ?, '', 1, 1000, 0)",
      hour - 800,
      route,
    );
    await user.query(
      "INSERT INTO usage (hour, route, key_id, requests, cost_milli, denied) VALUES (?, ?, '', 2, 2000, 0)",
      hour - 1,
      route,
    );
    await user.allowedOf(1, { route });
  }
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const expected = [1, 3].flatMap((requests) =>
    routes.toSorted(byBytes).map((route) => expect.objectContaining({ route, requests })),
  );
  for (const count of [1, 2, 3, 100]) expect(await pagesOf(user, {}, count)).toEqual(expected);
  const totals = await pagesOf(user, { byRoute: false }, 1);
  expect(totals.map(({ route, requests }) => [route, requests])).toEqual([
    [null, 7],
    [null, 21],
  ]);
});

it("is reported by months that begin on a quota's anchor day, or on the last day of a shorter month", async () => {
  const user = await userWithKeys();
  const daysMs = [2023, 2024, 2028, 2099, 2100].flatMap((year) =>
    Array.from({ length: 126 }, (_, day) => Date.UTC(year, 10, 27) + day * DAY_MS),
  );
  for (const atMs of daysMs.flatMap((dayMs) => [dayMs, dayMs + 23 * HOUR_MS])) {
    await user.query(
      "INSERT OR REPLACE INTO usage (hour, route, key_id, requests, cost_milli, denied) VALUES (?, '', '', 1, 1000, 0)",
      atMs / HOUR_MS,
    );
  }
  const hours = new Set(daysMs.flatMap((dayMs) => [dayMs, dayMs + 23 * HOUR_MS]));
  for (const anchorDay of [1, 2, 15, 28, 29, 30, 31]) {
    const expected = new Map<number, number>();
    for (const atMs of hours) {
      const { startMs } = periodAt("month", atMs, anchorDay);
      expected.set(startMs, (expected.get(startMs) ?? 0) + 1);
    }
    const rows = await pagesOf(user, { anchorDay, byRoute: false }, 4);
    expect(rows.map(({ period, requests }) => [Date.parse(period), requests])).toEqual(
      [...expected].toSorted(([a], [b]) => a - b),
    );
  }
});

it("rejects paging by offset from an older Worker, except for the first page", async () => {
  const user = await userWithKeys();
  await user.allowedOf(1, { route: "/r1" });
  const old = {
    fromMs: 0,
    toMs: Date.now() + HOUR_MS,
    granularity: "month",
    byRoute: true,
    count: 10,
  } as const;
  const ask = (offset: number) =>
    user.inside(async (object) => {
      try {
        return await Reflect.apply(object.usage, object, [{ ...old, offset }]);
      } catch (thrown) {
        return String(thrown);
      }
    });
  expect(await ask(0)).toMatchObject([{ route: "/r1", requests: 1 }]);
  expect(await ask(10)).toContain("paging by offset");
});

describe("the status of a quota", () => {
  const periodOf = async (user: UserObject) => {
    const { limits } = await user.status();
    return limits.map(({ name, limit, remaining, period }) =>
      Object.assign({ name, limit, remaining }, period),
    );
  };

  it.each([
    ["hour", undefined, "2108-02-29T13:00:00.000Z", "2108-02-29T14:00:00.000Z"],
    ["day", undefined, "2108-02-29T00:00:00.000Z", "2108-03-01T00:00:00.000Z"],
    ["month", undefined, "2108-02-01T00:00:00.000Z", "2108-03-01T00:00:00.000Z"],
    ["month", 15, "2108-02-15T00:00:00.000Z", "2108-03-15T00:00:00.000Z"],
    ["month", 29, "2108-02-29T00:00:00.000Z", "2108-03-29T00:00:00.000Z"],
    ["month", 31, "2108-02-29T00:00:00.000Z", "2108-03-31T00:00:00.000Z"],
  ] as const)("has its own period: per %s, anchorDay %s", async (per, anchorDay, start, end) => {
    const amount = { name: "q", kind: "quota", amount: 100, per } as const;
    const user = new UserObject(await publishLimits(anchorDay ? { ...amount, anchorDay } : amount));
    vi.setSystemTime(Date.parse(start) - 60_000);
    await user.allowedOf(2);
    vi.setSystemTime(Date.UTC(2108, 1, 29, 13, 30));
    expect(await periodOf(user)).toEqual([{ name: "q", limit: 100, remaining: 100, start, end, used: 0 }]);
    await user.decide({ costMilli: 2_500 });
    const used = [{ name: "q", limit: 100, remaining: 97.5, start, end, used: 2.5 }];
    expect(await periodOf(user)).toEqual(used);
    await user.pause();
    await user.evict();
    expect(await periodOf(user)).toEqual(used);
    vi.setSystemTime(Date.parse(end));
    expect(await periodOf(user)).toMatchObject([{ start: end, used: 0, remaining: 100 }]);
  });

  it("counts what is lent to an isolate as used, and more than the amount if that was lowered", async () => {
    const user = new UserObject(await publishLimits(quota(2_000, "month")));
    await user.lease(20_000);
    const [lent] = await periodOf(user);
    expect(lent?.used).toBe(2_000 - (lent?.remaining ?? 0));
    expect(lent?.used).toBeGreaterThan(1);
    const strict = new UserObject(await publishLimits(quota(100, "month")));
    await strict.decide({ costMilli: 60_000 });
    strict.revision = await publishLimits(quota(40, "month"));
    expect(await periodOf(strict)).toMatchObject([{ limit: 40, remaining: 0, used: 60 }]);
  });

  it("has no period for a bucket", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "second", 5)));
    expect((await user.status()).limits[0]).not.toHaveProperty("period");
  });
});
