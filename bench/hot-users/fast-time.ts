/**
 * Virtual time for millions of timers: whole milliseconds, one clock for all. Everything that is due in a millisecond runs before the
 * promises that it settles. Replaces `Date.now`, `setTimeout` and `scheduler.wait`.
 */
type Run = () => void;

export class FastTime {
  nowMs: number;
  readonly #due = new Map<number, Run[]>();

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  at(atMs: number, run: Run): void {
    const ms = Math.max(this.nowMs, Math.ceil(atMs));
    const due = this.#due.get(ms);
    if (due) due.push(run);
    else this.#due.set(ms, [run]);
  }

  /** Runs everything that is due until then. */
  async run(untilMs: number): Promise<void> {
    for (; this.nowMs <= untilMs; this.nowMs++) {
      for (let due = this.#due.get(this.nowMs); due; due = this.#due.get(this.nowMs)) {
        this.#due.delete(this.nowMs);
        for (const run of due) run();
        await rest();
      }
    }
    this.nowMs = untilMs;
  }

  /** Replaces the clock and the timers until the returned function is called. */
  install(): () => void {
    const real = { now: Date.now, setTimeout, clearTimeout, scheduler: Reflect.get(globalThis, "scheduler") };
    let ids = 0;
    const waiting = new Set<number>();
    Date.now = () => this.nowMs;
    Object.assign(globalThis, {
      setTimeout: (run: Run, ms = 0): number => {
        const id = ++ids;
        waiting.add(id);
        this.at(this.nowMs + ms, () => {
          if (waiting.delete(id)) run();
        });
        return id;
      },
      clearTimeout: (id: number): void => void waiting.delete(id),
      scheduler: {
        wait: (ms: number) => new Promise<void>((done) => void this.at(this.nowMs + ms, done)),
      },
    });
    return () => {
      Date.now = real.now;
      Object.assign(globalThis, {
        setTimeout: real.setTimeout,
        clearTimeout: real.clearTimeout,
        scheduler: real.scheduler,
      });
    };
  }
}

/** Waits until every promise that can continue has continued. */
function rest(): Promise<void> {
  return new Promise((done) => void setImmediate(done));
}
