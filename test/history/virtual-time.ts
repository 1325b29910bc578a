/**
 * Virtual time: it passes only when nothing else is left to do. All timers of all isolates and objects of a simulated world are in
 * one queue, on one thread, so a run depends only on its schedule and waits for nothing.
 *
 * Each place (an isolate, one copy of an object) has a clock that may be wrong, and may die: its timers then never fire, as if the
 * machine were gone. While a place computes, its clock stands still and nothing else runs in it, as in Workers. Replaces `Date.now`, `setTimeout` and `scheduler.wait` while a world runs, and nothing else.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";

/** An isolate, or a copy of an object: where code runs. */
export interface Place {
  /** The error of its clock, apart from its speed. */
  skewMs: number;
  /** How much slower than real time its clock runs, in parts per million. */
  readonly slowPpm: number;
  alive: boolean;
  /** Until when it computes. Whatever is due meanwhile runs then. */
  busyUntilMs: number;
  /** The place that it is part of and dies with. */
  readonly within: Place | null;
}

interface Due {
  readonly atMs: number;
  /** The time that clocks show meanwhile, if it is not `atMs`. */
  readonly shownMs: number;
  readonly place: Place | null;
  readonly run: () => void;
}

const places = new AsyncLocalStorage<Place>();
const REAL = {
  now: Date.now,
  setTimeout,
  clearTimeout,
  setImmediate,
  scheduler: Reflect.get(globalThis, "scheduler"),
};

export class VirtualTime {
  nowMs: number;
  readonly #startMs: number;
  /** The time that clocks show. */
  #shownMs: number;
  readonly #due: (Due | null)[] = [];
  #next = 0;

  constructor(startMs: number) {
    this.nowMs = this.#startMs = this.#shownMs = startMs;
  }

  /** The time by the clock of a place, by default of the running code's. */
  localMs(place: Place | null = places.getStore() ?? null): number {
    if (!place) return this.#shownMs;
    const { slowPpm } = place;
    let { skewMs } = place;
    for (let outer = place.within; outer; outer = outer.within) skewMs += outer.skewMs;
    if (slowPpm === 0) return this.#shownMs + skewMs;
    const elapsedMs = this.#shownMs - this.#startMs;
    return this.#startMs + Math.floor(elapsedMs * (1 - slowPpm / 1_000_000)) + skewMs;
  }

  /** Computes for a while in a place: nothing else runs in it meanwhile, and at the end, for `run`, its clock shows the start. */
  compute(place: Place, forMs: number, run: () => void): void {
    const fromMs = Math.max(this.nowMs, place.busyUntilMs);
    place.busyUntilMs = fromMs + forMs;
    this.#put({ atMs: place.busyUntilMs, shownMs: fromMs, place, run });
  }

  /** The place of the running code; null if it runs in none. */
  get here(): Place | null {
    return places.getStore() ?? null;
  }

  /** Runs `run` in a place, now. */
  in<T>(place: Place, run: () => T): T {
    return places.run(place, run);
  }

  /** Runs `run` later in a place, unless that has died by then; null: in no place. */
  at(atMs: number, run: () => void, place: Place | null = null): Due {
    return this.#put({ atMs, shownMs: atMs, place, run });
  }

  #put(due: Due): Due {
    const { atMs } = due;
    // Ordered by time, then by scheduling. Searches from the end, where most new timers belong.
    let i = this.#due.length;
    while (i > this.#next && (this.#due[i - 1]?.atMs ?? -Infinity) > atMs) i -= 1;
    this.#due.splice(i, 0, due);
    return due;
  }

  /** Waits, in the caller's place. */
  wait(ms: number): Promise<void> {
    const place = places.getStore() ?? null;
    return new Promise((resolve) => void this.at(this.nowMs + ms, resolve, place));
  }

  /** Runs everything due up to `untilMs`. Each starts only after all promises of the previous one have settled. */
  run(untilMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      // As a task of its own: promises cannot settle within another promise's reaction.
      REAL.setImmediate(() => {
        try {
          this.#runUntil(untilMs);
          resolve();
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  #runUntil(untilMs: number): void {
    settle();
    for (;;) {
      const due = this.#due[this.#next];
      if (due === undefined || (due !== null && due.atMs > untilMs)) break;
      this.#due[this.#next] = null;
      this.#next += 1;
      if (this.#next > 256) {
        this.#due.splice(0, this.#next);
        this.#next = 0;
      }
      if (due === null || isDead(due.place)) continue;
      const busyUntilMs = busyUntil(due.place);
      if (busyUntilMs > due.atMs) {
        this.#put({ ...due, atMs: busyUntilMs, shownMs: busyUntilMs });
        continue;
      }
      this.nowMs = due.atMs;
      this.#shownMs = due.shownMs;
      if (due.place) places.run(due.place, due.run);
      else due.run();
      settle();
    }
    this.nowMs = this.#shownMs = Math.max(this.nowMs, untilMs);
  }

  /** Replaces the clock and the timers until the returned function is called. */
  install(): () => void {
    const timers = new Map<number, Due>();
    let ids = 0;
    Date.now = () => this.localMs();
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms = 0): number => {
        ids += 1;
        const id = ids;
        const place = places.getStore() ?? null;
        timers.set(
          id,
          this.at(
            this.nowMs + ms,
            () => {
              if (timers.delete(id)) run();
            },
            place,
          ),
        );
        return id;
      },
      clearTimeout: (id: number): void => void timers.delete(id),
      scheduler: { wait: (ms: number) => this.wait(ms) },
    });
    return () => {
      Date.now = REAL.now;
      Object.assign(globalThis, {
        setTimeout: REAL.setTimeout,
        clearTimeout: REAL.clearTimeout,
        scheduler: REAL.scheduler,
      });
    };
  }
}

function isDead(place: Place | null): boolean {
  for (let each = place; each; each = each.within) if (!each.alive) return true;
  return false;
}

function busyUntil(place: Place | null): number {
  let latestMs = 0;
  for (let each = place; each; each = each.within) latestMs = Math.max(latestMs, each.busyUntilMs);
  return latestMs;
}

/**
 * Continues every promise that can continue. By V8's own function, which a test may call: waiting for the event loop instead would take
 * a fifth of the time of all histories.
 */
const settle = ((): (() => void) => {
  setFlagsFromString("--allow-natives-syntax");
  return new Function("%PerformMicrotaskCheckpoint()") as () => void;
})();
