/** The network between isolates and the object: delays, losses, cuts. Values cross it as plain data. */
import type { RepeatedAnswer } from "../../src/objects/object-call.ts";
import { DEADLINE_MS } from "./history.ts";
import { plainCopy } from "./plain-copy.ts";
import type { ObjectHost } from "./object-host.ts";
import type { Travel } from "./schedule.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** An answer this late is no longer awaited. */
export const LATE_MS = 2 * DEADLINE_MS;

const AT_ONCE: Travel = { upMs: 1, downMs: 1, fate: "answered" };

export class Network {
  /** When each lease was asked for. */
  readonly askedMs = new Map<string, number>();
  /** The number of calls that were not answered. */
  faults = 0;
  /** Whether every call is answered from now on, so that everything that is still to be reported arrives. */
  isCalm = false;
  readonly #time: VirtualTime;
  readonly #host: ObjectHost;
  readonly #travels: readonly Travel[];
  /** Until when no call of an isolate arrives. */
  readonly #cutUntilMs = new Map<number, number>();
  #calls = 0;

  constructor(time: VirtualTime, host: ObjectHost, travels: readonly Travel[]) {
    this.#time = time;
    this.#host = host;
    this.#travels = travels;
  }

  cutOff(isolate: number, forMs: number): void {
    this.#cutUntilMs.set(isolate, this.#time.nowMs + forMs);
  }

  /** One call from an isolate to the object. */
  call(isolate: number, method: string, args: unknown[]): Promise<unknown> {
    const { upMs, downMs, fate } = this.#travel(isolate);
    const askedMs = this.#time.nowMs;
    const caller = this.#time.here;
    const sent = plainCopy(args) as unknown[];
    if (fate !== "answered") this.faults += 1;
    return new Promise((resolve, reject) => {
      const fail = (reason: Error, afterMs: number): void => {
        this.#time.at(this.#time.nowMs + afterMs, () => reject(reason), caller);
      };
      if (fate === "overloaded") {
        fail(Object.assign(new Error("overloaded"), { overloaded: true }), upMs + downMs);
        return;
      }
      if (fate === "lost") fail(new Error("network"), upMs + downMs);
      if (fate === "lost" || (fate === "hangs" && this.#calls % 2 === 0)) return;
      const answer = (value: unknown): void => {
        if (fate === "hangs") return;
        if (fate === "unanswered") fail(new Error("network"), downMs);
        else {
          const lateMs = fate === "late" ? LATE_MS : 0;
          const arrive = (): void => {
            for (const repeated of method === "serve" ? (value as RepeatedAnswer[]) : []) {
              const { lease } = repeated.answer;
              if (lease) this.askedMs.set(lease.id, askedMs);
            }
            resolve(value);
          };
          this.#time.at(this.#time.nowMs + downMs + lateMs, arrive, caller);
        }
      };
      this.#time.at(this.#time.nowMs + upMs, () => {
        this.#host.arrive(isolate, method, sent, answer, (reason) => fail(reason, downMs));
      });
    });
  }

  #travel(isolate: number): Travel {
    this.#calls += 1;
    const travel = this.#travels[this.#calls % this.#travels.length] ?? AT_ONCE;
    if (this.isCalm) return { ...travel, fate: "answered" };
    const isCut = this.#time.nowMs < (this.#cutUntilMs.get(isolate) ?? 0);
    return isCut ? { ...travel, fate: "lost" } : travel;
  }
}
