/**
 * The ledger and its storage, with and without tables, through failing writes, crashes and the ends of hours: memory, and the state
 * row together with the table, always have exactly what was counted.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import * as z from "zod/mini";
import { HOUR_MS } from "../../src/core/time.ts";
import { settle } from "../../durable-objects/user-limiter/lease-settlement.ts";
import { Memory } from "../../durable-objects/user-limiter/memory.ts";
import { embeddedPolicy } from "../../src/policy/policy-store.ts";
import { Disk, type Handle, storageOf } from "./sqlite-storage.ts";

const MAX_CELLS = 32;
const RUNS = 150;

const rowSchema = z.object({
  state: z.object({
    openCells: z.array(z.object({ hour: z.number(), route: z.string(), requests: z.number() })),
  }),
});
const usageSchema = z.array(z.object({ hour: z.number(), route: z.string(), requests: z.number() }));

/** Requests by hour and route. */
type Counted = ReadonlyMap<string, number>;

function add(counted: Counted, hour: number, route: string, requests: number): Counted {
  const name = `${hour} ${route}`;
  return new Map(counted).set(name, (counted.get(name) ?? 0) + requests);
}

/** A user's memory, its disk, and a model of what both should contain. */
class Rig {
  readonly disk = new Disk();
  #handle: Handle = this.#newHandle();
  memory = this.#load();
  inMemory: Counted = new Map();
  written: Counted = new Map();
  flushed: Counted = new Map();

  count(atMs: number, route: string): void {
    this.memory.ledger.add(atMs, { route, keyId: "", requests: 1, costMilli: 1_000, denied: 0 });
    this.memory.needsCheckpoint = true;
    this.inMemory = add(this.inMemory, Math.floor(atMs / HOUR_MS), route, 1);
  }

  /** Writes. If that fails, loads memory again, as the object's store does. */
  write(change: (memory: Memory) => void, fails: boolean): void {
    this.#handle.failNextWrite = fails;
    try {
      change(this.memory);
      this.written = this.inMemory;
    } catch (thrown) {
      if (!fails) throw thrown;
      this.memory = this.#load();
      this.inMemory = this.written;
    }
    this.#handle.failNextWrite = false;
  }

  flush(): void {
    this.disk.flush();
    this.flushed = this.written;
  }

  crash(): void {
    if (this.disk.isDirty) this.written = this.flushed;
    this.disk.crash();
    this.#handle.isReplaced = true;
    this.#handle = this.#newHandle();
    this.memory = this.#load();
    this.inMemory = this.written;
  }

  /** What is on disk: the state row and the table together. */
  stored(): Counted {
    const row = z.optional(rowSchema).parse(this.disk.kv.get("state"));
    const cells = row?.state.openCells ?? [];
    expect(cells.length).toBeLessThanOrEqual(MAX_CELLS);
    const [hasTable] = this.disk.exec("SELECT 1 FROM sqlite_master WHERE name = 'usage'", []);
    const table = hasTable ? this.disk.exec("SELECT hour, route, requests FROM usage", []) : [];
    return [...cells, ...usageSchema.parse(table)].reduce<Counted>(
      (counted, { hour, route, requests }) => add(counted, hour, route, requests),
      new Map(),
    );
  }

  #newHandle(): Handle {
    return { isReplaced: false, failNextWrite: false, onFailure: () => {}, onAudit: () => {} };
  }

  #load(): Memory {
    return new Memory(
      storageOf(this.disk, this.#handle, () => {}),
      () => Promise.resolve(null),
      (_entry, _answer, remove) => remove(),
    );
  }
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("count"), route: fc.nat(59), isLate: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("save", "checkpoint"), fails: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("tables"), fails: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("hour", "flush", "crash") }) },
);

it("loses no cell and counts none twice, whatever fails", () => {
  const seen = { withTables: 0, without: 0 };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.array(step, { maxLength: 150, size: "max" }),
      (routes, steps) => {
        const rig = new Rig();
        let nowMs = 10 * HOUR_MS;
        for (const each of steps) {
          const fails = "fails" in each && each.fails;
          if ("route" in each) rig.count(each.isLate ? nowMs - HOUR_MS : nowMs, `r${each.route % routes}`);
          else if (each.kind === "save") rig.write((memory) => memory.save(nowMs), fails);
          else if (each.kind === "checkpoint") rig.write((memory) => memory.checkpoint(nowMs), fails);
          else if (each.kind === "tables")
            rig.write((memory) => memory.transact(() => memory.writeState(nowMs)), fails);
          else if (each.kind === "hour") nowMs += HOUR_MS;
          else if (each.kind === "flush") rig.flush();
          else rig.crash();
          const { ledger, hasTables } = rig.memory;
          const total = [...rig.inMemory.values()].reduce((sum, requests) => sum + requests, 0);
          expect(ledger.since(0, hasTables).requests).toBe(total);
          expect(rig.stored()).toEqual(rig.written);
        }
        seen[rig.memory.hasTables ? "withTables" : "without"] += 1;
      },
    ),
    { numRuns: RUNS, seed: 20_261_121 },
  );
  // Both cases really occurred.
  expect(Math.min(seen.withTables, seen.without)).toBeGreaterThan(RUNS / 10);
});

// An isolate takes a denial back since it asks again. The second answer may be of the next hour.
it("a denial that is withdrawn just after its hour has ended is taken back from that hour", () => {
  const { memory } = new Rig();
  const endMs = 500_000 * HOUR_MS;
  const none = { route: "/a", keyId: "", requests: 0, costMilli: 0, denied: 0 };
  memory.ledger.add(endMs - 30, { ...none, denied: 2 });
  const cells = [{ ...none, withdrawn: 1 }];
  settle(memory, embeddedPolicy(), { leaseId: null, atMs: endMs - 20, cells }, endMs);
  memory.ledger.add(endMs, { ...none, denied: 1 });
  const denials = memory.ledger.openCells.map(({ hour, denied }) => [hour, denied]);
  expect(denials).toEqual([
    [499_999, 1],
    [500_000, 1],
  ]);
});
