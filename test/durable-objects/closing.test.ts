/**
 * Many accounts close their periods in the same half hour, in the real runtime: each by its own alarm, with one register. What a close
 * costs is within bench/budget.json.
 */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, inject, it, vi } from "vitest";
import budget from "../../bench/budget.json";
import { objectMetrics } from "../../durable-objects/object-metrics.ts";
import { RegisterBook } from "../../durable-objects/billing-register/register-book.ts";
import { MINUTE_MS } from "../../src/core/time.ts";
import { registerOf } from "../../src/objects/billing-register.ts";
import { publish, request, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

/** `CLOSING_OBJECTS=200` closes as many; fewer take the same path. */
const OBJECTS = inject("closingObjects");
const BY = { actor: "ann", reason: "" };
const END_MS = Date.UTC(2100, 10, 1);
const CLOSE_MS = END_MS + 120 * MINUTE_MS;

/** Counts rows that objects of a class write from now on. */
function rowsOf(name: string): { rows: number } {
  const counted = { rows: 0 };
  const counter = objectMetrics.counter("rowsWritten", [name]);
  const add = counter.add.bind(counter);
  vi.spyOn(counter, "add").mockImplementation((rows = 1) => {
    counted.rows += rows;
    add(rows);
  });
  return counted;
}

describe(`${OBJECTS} accounts`, () => {
  it(
    "close in one half hour, with one alarm per step, one number each, within the budget",
    { timeout: 30_000 + OBJECTS * 1_000 },
    async () => {
      const revision = await publish({ pro: { limits: [], plan: { base: "31" } } }, [{ match: "/a" }], {
        billing: { currency: "USD", series: "MANY", reviewMinutes: 0 },
      });
      const users = Array.from({ length: OBJECTS }, () => new UserObject(revision));
      for (const user of users) {
        await user.stub.createAccount(
          user.name.slice("user:".length),
          { name: "", tier: "pro" },
          BY,
          revision,
        );
        await user.stub.decide([request({ revision, tier: "pro", route: "/a" })]);
        await user.ringAlarm();
      }
      const [own, register] = [rowsOf("UserLimiter"), rowsOf("BillingRegister")];
      const calls = vi.spyOn(RegisterBook.prototype, "put");
      let alarms = 0;
      let lastMs = 0;
      for (const user of users) {
        vi.setSystemTime(CLOSE_MS);
        expect(await user.alarmAtMs()).toBe(CLOSE_MS);
        await user.ringAlarm();
        const finalMs = (await user.alarmAtMs()) ?? 0;
        lastMs = Math.max(lastMs, finalMs);
        vi.setSystemTime(finalMs);
        await user.ringAlarm();
        alarms += 2;
      }
      expect(lastMs - CLOSE_MS).toBeLessThan(30 * MINUTE_MS);
      const { documents } = await registerOf(env.BILLING_REGISTER, "MANY").list(
        { status: null },
        null,
        1_000,
      );
      expect(documents.map(({ number }) => number).toReversed()).toEqual(
        users.map((_user, i) => `MANY-${String(i + 1).padStart(6, "0")}`),
      );
      const per = (count: number): number => count / OBJECTS;
      const counted = {
        alarms: per(alarms),
        registerCalls: per(calls.mock.calls.length),
        rowsWritten: per(own.rows),
        // But for the tables of a new register.
        registerRows: Math.floor(per(register.rows)),
      };
      for (const [name, count] of Object.entries(counted)) {
        expect([name, count <= Reflect.get(budget.close, name)]).toEqual([name, true]);
      }
    },
  );
});
