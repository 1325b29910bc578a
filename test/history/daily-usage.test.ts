/** The days that a forecast is made of: what memory keeps of them equals what the ledger has, and is read once a day. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { DailyUsage } from "../../durable-objects/user-limiter/billing/daily-usage.ts";
import type { Reserved } from "../../durable-objects/user-limiter/ledger.ts";
import { Memory } from "../../durable-objects/user-limiter/memory.ts";
import { DAY_MS, HOUR_MS, OPEN_HOURS } from "../../src/core/time.ts";
import { Disk, storageOf } from "./sqlite-storage.ts";

const START_MS = Date.UTC(2026, 0, 1);

/** An account's memory, its storage, and a clock that freezes hours as billing does. */
function stage() {
  const handle = { isReplaced: false, failNextWrite: false, onFailure: () => {}, onAudit: () => {} };
  const storage = storageOf(new Disk(), handle, () => {});
  const deliver = () => Promise.resolve(null);
  const memory = new Memory(storage, deliver, (_entry, _answer, remove) => remove());
  const reserved: Reserved[] = [];
  memory.ledger.reserved = () => reserved;
  let queries = 0;
  const sql = new Proxy(storage.sql, {
    get: (target, name) => {
      if (name !== "exec") return Reflect.get(target, name);
      queries += 1;
      return target.exec.bind(target);
    },
  });
  const { ledger } = memory;
  return {
    memory,
    reserved,
    kept: new DailyUsage(sql, ledger),
    queriesBy: (work: () => void): number => {
      const before = queries;
      work();
      return queries - before;
    },
    freeze: (nowMs: number): void => {
      ledger.firstOpenHour = Math.max(ledger.firstOpenHour, Math.floor(nowMs / HOUR_MS) - OPEN_HOURS);
    },
    fresh: (nowMs: number): number[] => new DailyUsage(storage.sql, ledger).before(nowMs, memory.hasTables),
  };
}

const cell = (keyId: string, costMilli: number) => ({
  route: "/a",
  keyId,
  requests: 1,
  costMilli,
  denied: 0,
});

it("reads past days once, as soon as they are frozen", () => {
  const { memory, kept, queriesBy, freeze } = stage();
  for (let i = 0; i < 5; i++) memory.ledger.add(START_MS + i * DAY_MS, cell("k1", 7_000));
  memory.transact(() => memory.writeState(START_MS + 5 * DAY_MS));
  const queriesAt = (hours: number): number =>
    queriesBy(() => {
      const nowMs = START_MS + 5 * DAY_MS + hours * HOUR_MS;
      freeze(nowMs);
      expect(kept.before(nowMs, memory.hasTables)).toHaveLength(5 + Math.floor(hours / 24));
    });
  // Midnight, when hours of yesterday are open, to 03:00 on the day after.
  const reads = [0, 1, 2, 3, 23, 24, 26, 27].map((hours) => queriesAt(hours) > 0);
  expect(reads).toEqual([true, true, true, false, false, true, true, false]);
});

it("equals a fresh read of the ledger, whatever is added late, reserved, settled or moved to the table", () => {
  const step = fc.record({
    hours: fc.nat(7),
    lateHours: fc.nat(30),
    keyId: fc.constantFrom("", "k1", "test_k2"),
    costMilli: fc.nat(9_000),
    isReserved: fc.boolean(),
    isSettled: fc.boolean(),
    isWritten: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const { memory, reserved, kept, freeze, fresh } = stage();
      let nowMs = START_MS;
      for (const { hours, lateHours, keyId, costMilli, isReserved, isSettled, isWritten } of steps) {
        nowMs += hours * HOUR_MS;
        freeze(nowMs);
        const atMs = Math.max(START_MS, nowMs - lateHours * HOUR_MS);
        memory.ledger.add(atMs, cell(keyId, costMilli));
        const hour = Math.max(Math.floor(atMs / HOUR_MS), memory.ledger.firstOpenHour);
        if (isReserved) reserved.push({ hour, route: "/a", keyId, costMilli, units: null });
        const settled = isSettled ? reserved.shift() : undefined;
        if (settled) {
          const lessMilli = -Math.floor(settled.costMilli / 2);
          memory.ledger.settle(settled.hour * HOUR_MS, settled.route, settled.keyId, lessMilli, []);
        }
        if (isWritten) memory.transact(() => memory.writeState(nowMs));
        expect(kept.before(nowMs, memory.hasTables)).toEqual(fresh(nowMs));
      }
    }),
    { numRuns: 100 },
  );
});
