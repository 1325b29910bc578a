/**
 * Time that only passes when nothing else is left to do: every timer of every isolate and object of a simulated world, in one
 * queue, on one thread. A run is a function of its schedule alone, and takes no time.
 *
 * Each place (an isolate, one copy of an object) has a clock that may be off, and may die: its timers then never fire, as if the
 * machine were gone. Stands in for `Date.now`, `setTimeout` and `scheduler.wait` while a world runs; never for anything else.
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** Where code runs. */
export interface Place {
  /** How far its clock is off. */
  readonly skewMs: number;
  alive: boolean;
  /** The place that it lives and dies with. */
  readonly within: Place | null;
}

interface Due {
  readonly atMs: number;
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
  readonly #due: (Due | null)[] = [];
  #next = 0;

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  /** The time as the running code's place sees it. */
  localMs(): number {
    return this.nowMs + (places.getStore()?.skewMs ?? 0);
  }

  /** Where the running code is; null outside of all places. */
  get here(): Place | null {
    return places.getStore() ?? null;
  }

  /** Runs something in a place, now. */
  in<T>(place: Place, run: () => T): T {
    return places.run(place, run);
  }

  /** Runs something later: in a place, unless it has died by then, or outside of all. */
  at(atMs: number, run: () => void, place: Place | null = null): Due {
    const due = { atMs, place, run };
    // In the order of time, and of planning where times are equal. Most is planned for later than all that waits.
    let i = this.#due.length;
    while (i > this.#next && (this.#due[i - 1]?.atMs ?? -Infinity) > atMs) i -= 1;
    this.#due.splice(i, 0, due);
    return due;
  }

  /** Waits, in the place that calls. */
  wait(ms: number): Promise<void> {
    const place = places.getStore() ?? null;
    return new Promise((resolve) => void this.at(this.nowMs + ms, resolve, place));
  }

  /** Runs all that is due up to a moment, each only after what the one before has set going has come to rest. */
  async run(untilMs: number): Promise<void> {
    await rest();
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
      this.nowMs = due.atMs;
      if (due.place) places.run(due.place, due.run);
      else due.run();
      await rest();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** Takes over the clock and the timers until the returned function is called. */
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

/** Every promise that can go on has gone on. */
function rest(): Promise<void> {
  return new Promise((resolve) => void REAL.setImmediate(resolve));
}
