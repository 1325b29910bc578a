/**
 * A durable object as the core sees it: floors in storage, live states in memory, and copies of it that die or go stale.
 *
 * Uses plan.ts and headroom.ts as an object would, and logs its admissions for a test to check. Asserts nothing itself.
 */
import type { LimitState } from "../../src/core/limit.ts";
import { type Charge, decidePlan, type PlanDecision } from "../../src/core/plan.ts";
import { headroomMilli, isCovered, nextFloor } from "../../src/core/headroom.ts";

/** What outlives a copy. `seenMs`: per counter, the latest time that its floor was advanced to. */
export class SimulatedStorage {
  readonly floors = new Map<string, LimitState>();
  readonly seenMs = new Map<string, number>();
  writes = 0;
}

/** A charge of one counter. `atMs` is the copy's own time, which never goes back. */
export interface ChargedCounter {
  readonly counter: string;
  readonly atMs: number;
  readonly costMilli: number;
}

/** `unwritable`: it had to write first, and could not. */
export type Reply = "allowed" | "denied" | "unwritable";

/** One copy of the object. A new one starts from storage. */
export class SimulatedObject {
  readonly #storage: SimulatedStorage;
  readonly #log: ChargedCounter[];
  readonly #floors: Map<string, LimitState>;
  readonly #live: Map<string, LimitState>;
  readonly #seenMs: Map<string, number>;
  #isCutOff = false;

  constructor(storage: SimulatedStorage, log: ChargedCounter[]) {
    this.#storage = storage;
    this.#log = log;
    this.#floors = new Map(storage.floors);
    this.#live = new Map(storage.floors);
    this.#seenMs = new Map(storage.seenMs);
  }

  /** From now on every write of this copy fails, as it does once another copy owns the storage. */
  cutOff(): void {
    this.#isCutOff = true;
  }

  ask(charges: readonly Charge[], costMilli: number, nowMs: number): Reply {
    const decision = decidePlan(charges, this.#live, costMilli, nowMs);
    if (decision.allowed && !this.#isCovered(charges, decision, nowMs)) {
      if (this.#isCutOff) return "unwritable";
      this.#raise(charges, decision, costMilli, nowMs);
    }
    charges.forEach(({ counter }, position) => {
      const meter = decision.after[position];
      if (meter === undefined) throw new Error("the decision was made for another plan");
      const atMs = Math.max(nowMs, this.#seenMs.get(counter) ?? nowMs);
      this.#live.set(counter, meter.state);
      this.#seenMs.set(counter, atMs);
      if (decision.allowed) this.#log.push({ counter, atMs, costMilli });
    });
    return decision.allowed ? "allowed" : "denied";
  }

  /** Writes the exact states, as an object does when it becomes idle. */
  checkpoint(): void {
    if (this.#isCutOff) return;
    for (const [counter, state] of this.#live) this.#write(counter, state, this.#seenMs.get(counter) ?? 0);
    this.#storage.writes++;
  }

  /** What is left of each charge at `nowMs`, which must not be before this copy's time. */
  left(charges: readonly Charge[], nowMs: number): PlanDecision {
    return decidePlan(charges, this.#live, 0, nowMs);
  }

  #isCovered(charges: readonly Charge[], { after }: PlanDecision, nowMs: number): boolean {
    const none = { milli: 0, untilMs: 0 };
    return charges.every(({ counter, limit }, i) =>
      isCovered(limit, this.#floors.get(counter), after[i]?.state, none, nowMs),
    );
  }

  #raise(charges: readonly Charge[], { after }: PlanDecision, costMilli: number, nowMs: number): void {
    const headroom = headroomMilli(charges);
    charges.forEach(({ counter, limit }, i) => {
      const floor = nextFloor(limit, after[i]?.state, headroom, costMilli, false, nowMs);
      this.#write(counter, floor, Math.max(nowMs, this.#seenMs.get(counter) ?? nowMs));
    });
    this.#storage.writes++;
  }

  #write(counter: string, floor: LimitState, seenMs: number): void {
    this.#floors.set(counter, floor);
    this.#storage.floors.set(counter, floor);
    this.#storage.seenMs.set(counter, seenMs);
  }
}
