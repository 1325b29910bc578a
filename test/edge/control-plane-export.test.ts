/** The export of usage: each cell of a frozen hour once, and never another value for it. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { HOUR_MS } from "../../src/core/time.ts";
import { userSubject } from "../../src/identity/authenticate.ts";
import type { FrozenPage } from "../../src/objects/frozen-usage.ts";
import { hurry, later, START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import { UserObject } from "../durable-objects/user-object.ts";
import { objectsWhere } from "../fixtures/fault-objects.ts";
import { customerOf, newCustomer, start, type Started } from "../fixtures/control-start.ts";
import { busyCustomer } from "../fixtures/control-usage.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(() => {
  startClock();
  hurry();
});
afterEach(stopClock);

const PATH = "/billing/export/usage";
const cellSchema = z.strictObject({
  account: z.string(),
  hour: z.iso.datetime(),
  route: z.string(),
  key: z.string(),
  mode: z.enum(["live", "test"]),
  requests: z.int(),
  cost: z.number(),
  denied: z.int(),
  units: z.optional(z.record(z.string(), z.number())),
});
const endSchema = z.strictObject({
  cursor: z.string(),
  done: z.boolean(),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
});
type Cell = z.infer<typeof cellSchema>;

interface Page {
  readonly cells: Cell[];
  readonly end: z.infer<typeof endSchema>;
}

async function pageAt({ operator }: Started, query: string): Promise<Page> {
  const response = await operator.send("GET", `${PATH}?${query}`);
  expect(response.headers.get("Content-Type")).toBe("application/x-ndjson");
  // Not by `text()`: workerd warns if the media type is not text.
  const text = new TextDecoder().decode(await response.arrayBuffer());
  expect(response.status, text).toBe(200);
  const lines = text.split("\n").map((line): unknown => (line === "" ? null : JSON.parse(line)));
  expect(lines.pop()).toBeNull();
  const end = endSchema.parse(lines.pop());
  return { cells: lines.map((line) => cellSchema.parse(line)), end };
}

/** A whole pass. */
async function pass(started: Started, query: string): Promise<Page> {
  const cells: Cell[] = [];
  for (let at = query, pages = 0; ; pages++) {
    const page = await pageAt(started, at);
    cells.push(...page.cells);
    if (page.end.done) return { cells, end: page.end };
    expect(pages).toBeLessThan(1_000);
    const limit = /limit=\d+/.exec(query)?.[0] ?? "";
    at = `cursor=${page.end.cursor}&${limit}`;
  }
}

const keyOf = ({ account, hour, route, key }: Cell): string => [account, hour, route, key].join(" ");
const rowOf = ({ hour, route, requests, cost, denied }: Cell) => ({
  period: hour,
  route,
  requests,
  cost,
  denied,
});

describe("the export of usage", () => {
  it("equals the ledger up to the first hour that is not frozen, with any page size", async () => {
    const started = await start();
    const { customer, tally } = await busyCustomer(started);
    const other = await newCustomer(started, "pro");
    await other.call(3);
    later(HOUR_MS);
    await other.call();
    // Its hour ended less than two hours ago.
    later(HOUR_MS);
    const frozen = Math.floor(Date.now() / HOUR_MS - 2) * HOUR_MS;
    const expected = tally.rows("hour", true).filter(({ period }) => Date.parse(period) < frozen);
    expect(expected.length).toBeGreaterThan(30);
    expect(expected.length).toBeLessThan(tally.rows("hour", true).length + 1);
    const own = (cells: readonly Cell[]) => {
      const rows = new Map<string, ReturnType<typeof rowOf>>();
      for (const cell of cells.filter(({ account }) => account === customer.id)) {
        // Calls and checks have different keys.
        const key = `${cell.hour} ${cell.route}`;
        const before = rows.get(key) ?? { ...rowOf(cell), requests: 0, cost: 0, denied: 0 };
        rows.set(key, {
          ...before,
          requests: before.requests + cell.requests,
          cost: Math.round((before.cost + cell.cost) * 1_000) / 1_000,
          denied: before.denied + cell.denied,
        });
      }
      return [...rows.values()];
    };
    const whole = await pass(started, "");
    expect(own(whole.cells)).toEqual(expected);
    expect(Date.parse(whole.end.to)).toBe(frozen);
    expect(whole.cells.some(({ account }) => account === other.id)).toBe(false);
    expect(new Set(whole.cells.map(keyOf)).size).toBe(whole.cells.length);
    expect((await pass(started, "limit=29")).cells).toEqual(whole.cells);
    const alone = await pass(started, `account=${customer.id}&limit=3`);
    expect(alone.cells).toEqual(whole.cells.filter(({ account }) => account === customer.id));
  });

  it("continues with the hours that have frozen since, and has deleted accounts and test keys", async () => {
    const started = await start();
    const { operator } = started;
    const customer = await newCustomer(started, "pro");
    const tester = await customerOf(started, customer.id, { mode: "test" });
    await customer.call(2);
    await tester.call();
    later(3 * HOUR_MS);
    const own = (page: Page) =>
      page.cells
        .filter(({ account }) => account === customer.id)
        .map(({ key, mode, requests }) => [key, mode, requests])
        .toSorted();
    const first = await pass(started, "");
    expect(own(first)).toEqual(
      [
        [customer.keyId, "live", 2],
        [tester.keyId, "test", 1],
      ].toSorted(),
    );
    await customer.call();
    const none = await pass(started, `cursor=${first.end.cursor}`);
    expect(none.cells).toEqual([]);
    expect([none.end.from, none.end.done]).toEqual([first.end.to, true]);
    await operator.send("DELETE", `/accounts/${customer.id}`);
    later(3 * HOUR_MS);
    const second = await pass(started, `cursor=${none.end.cursor}`);
    expect(own(second)).toEqual([[customer.keyId, "live", 1]]);
    expect(Date.parse(second.end.to)).toBe(Date.parse(first.end.to) + 3 * HOUR_MS);
    // The whole range again is the same again.
    const again = await pass(started, `from=${first.end.from}&to=${second.end.to}`);
    expect(again.cells.filter(({ account }) => account === customer.id)).toHaveLength(3);
  });

  it("never changes an exported hour: what is metered late counts later, also after a crash", async () => {
    const started = await start();
    const customer = await newCustomer(started, "pro");
    await customer.call(2);
    const atMs = Date.now();
    later(3 * HOUR_MS);
    const query = `account=${customer.id}`;
    const before = await pass(started, query);
    expect(before.cells.map(({ requests }) => requests)).toEqual([2]);
    const object = new UserObject(0, userSubject(customer.id));
    await object.evict();
    const late = { route: "/identify", keyId: customer.keyId, requests: 1, costMilli: 1_000, denied: 0 };
    await object.stub.serve({ settlements: [{ leaseId: null, atMs, cells: [late] }], questions: [] });
    await object.pause();
    expect((await pass(started, query)).cells).toEqual(before.cells);
    later(3 * HOUR_MS);
    const after = await pass(started, query);
    expect(after.cells[0]).toEqual(before.cells[0]);
    expect(after.cells.map(({ hour, requests }) => [Date.parse(hour), requests])).toEqual([
      [Math.floor(atMs / HOUR_MS) * HOUR_MS, 2],
      [Date.parse(before.end.to), 1],
    ]);
  });

  it("has what memory alone had: a crash right after the export takes nothing of it", async () => {
    const started = await start();
    const { id, call } = await newCustomer(started, "unlimited");
    await call(3);
    const object = new UserObject(0, userSubject(id));
    later(3 * HOUR_MS);
    const before = await pass(started, `account=${id}`);
    expect(before.cells.reduce((sum, { requests }) => sum + requests, 0)).toBe(3);
    await object.evict();
    expect((await pass(started, `account=${id}`)).cells).toEqual(before.cells);
  });

  it("rejects a range with a cursor, and cursors of other lists", async () => {
    const started = await start();
    const { operator } = started;
    const { cursor } = (await pageAt(started, "account=nobody")).end;
    expect(await operator.rejection("GET", `${PATH}?cursor=${cursor}&from=2100-01-01`)).toBe("400 /from");
    expect(await operator.rejection("GET", `${PATH}?cursor=${cursor}&account=a`)).toBe("400 /account");
    expect(await operator.rejection("GET", `${PATH}?cursor=${btoa("17")}`)).toBe("400 /cursor");
    expect(await operator.rejection("GET", `${PATH}?limit=10001`)).toBe("400 /limit");
    const wrong = btoa(JSON.stringify([1, 5, null, null, "", ["a b", 1, "", ""]])).replaceAll("=", "");
    expect(await operator.rejection("GET", `${PATH}?cursor=${wrong}`)).toBe("400 /cursor");
    const far = btoa(JSON.stringify([1, 1e9, null, null, "", null])).replaceAll("=", "");
    expect(await operator.rejection("GET", `${PATH}?cursor=${far}`)).toBe("400 /cursor");
  });

  it("ends a page before an object that does not answer, and is 503 if that is the first", async () => {
    let broken = "";
    const fateOf = (subject: string) => (subject === userSubject(broken) ? "unreachable" : "through");
    const started = await start({ variables: { USER_LIMITER: objectsWhere(fateOf, 0, "frozenUsage") } });
    const [first, second] = [await newCustomer(started, "pro"), await newCustomer(started, "pro")];
    await first.call();
    await second.call();
    later(3 * HOUR_MS);
    broken = [first.id, second.id].toSorted()[1] ?? "";
    const from = `from=${new Date(START_MS).toISOString().slice(0, 10)}`;
    const answer = await started.operator.send("GET", `${PATH}?account=${broken}&${from}`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain(`The account \\"${broken}\\" is not responding.`);
    const page = await pageAt(started, from);
    expect(page.end.done).toBe(false);
    expect(page.cells.map(({ account }) => account)).not.toContain(broken);
    broken = "";
    const rest = await pass(started, `cursor=${page.end.cursor}`);
    const all = [...page.cells, ...rest.cells];
    for (const { id } of [first, second]) expect(all.filter(({ account }) => account === id)).toHaveLength(1);
    expect(new Set(all.map(keyOf)).size).toBe(all.length);
  });

  it("freezes no hour of which reservations may still be settled", async () => {
    const started = await start();
    const { id, call } = await newCustomer(started, "pro");
    await call();
    const object = new UserObject(0, userSubject(id));
    const toHour = Math.floor(Date.now() / HOUR_MS) + 1;
    const query = { fromHour: 0, toHour, after: null, count: 10 };
    const asked = (): Promise<FrozenPage | "rejected"> =>
      object.inside((inside) => inside.frozenUsage(query).catch(() => "rejected" as const));
    expect(await asked()).toBe("rejected");
    vi.setSystemTime((toHour + 1) * HOUR_MS - 1);
    expect(await asked()).toBe("rejected");
    vi.setSystemTime((toHour + 1) * HOUR_MS);
    expect(await asked()).toMatchObject({ cells: [{ requests: 1 }] });
  });
});
