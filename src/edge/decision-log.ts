/**
 * Logs decisions: at `debug` all of them, at `info` a sample of the denials, and of those that limits in shadow would have made: here,
 * these count as denials. A client that keeps sending is denied thousands of times a second, and a line costs more than the denial itself.
 *
 * Every denial is in the metrics and in the decision log (docs/reports.md), whatever is sampled here.
 */
import { type AddressDetail, shownSubject } from "../analytics/shown-subject.ts";
import type { Log, LogFields, LogLevel } from "../log.ts";

/** Denials of one second that are all logged, per isolate. */
const MAX_PER_SECOND = 10;
/** Beyond those, one of so many is logged: a line costs more than a hundred microseconds, a denial less than one of them. */
const ONE_OF = 1_000;

export class DecisionLog {
  readonly #log: Log;
  readonly #isDebug: boolean;
  readonly #isInfo: boolean;
  readonly #addressDetail: AddressDetail;
  /** The second that is counted, and its denials so far. */
  #second = 0;
  #denials = 0;
  /** Denials since the last one that was logged. */
  #omitted = 0;

  /** @param addressDetail of the callers' addresses. */
  constructor(log: Log, level: LogLevel, addressDetail: AddressDetail = "full") {
    this.#log = log;
    this.#addressDetail = addressDetail;
    this.#isDebug = level === "debug";
    this.#isInfo = this.#isDebug || level === "info";
  }

  /** Whether to log a decision now. Counts it if it is a denial. */
  takes(allowed: boolean, nowMs: number): boolean {
    if (allowed || !this.#isInfo) return this.#isDebug;
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#denials = 0;
    }
    this.#denials += 1;
    if (this.#isDebug || this.#denials <= MAX_PER_SECOND || this.#denials % ONE_OF === 0) return true;
    this.#omitted += 1;
    return false;
  }

  /** Logs a decision that {@link takes} has taken. `user`: the caller's subject. `omitted`: the denials before it that it has not. */
  write(allowed: boolean, { user: subject, ...fields }: LogFields): void {
    const user = typeof subject === "string" ? shownSubject(subject, this.#addressDetail) : subject;
    const omitted = allowed || this.#omitted === 0 ? {} : { omitted: this.#omitted };
    if (!allowed) this.#omitted = 0;
    this.#log(allowed ? "debug" : "info", "decision", { ...fields, user, ...omitted });
  }
}
