/**
 * A rate limit of the platform (`[[ratelimits]]` in wrangler.toml) that shields the limiter: counted per location and approximately, and
 * asked in front of everything that costs. It never holds a request up: without an answer in time, or while it fails, nothing is over it.
 */
import { withDeadline } from "../deadline.ts";
import { Circuit } from "../limiter/circuit.ts";
import { type Log, messageOf } from "../log.ts";

/** It counts in the same machine. A request waits for no longer than this. */
const DEADLINE_MS = 50;
const FAILURES = 3;
/** While it fails, one request in this time waits for it. */
const OPEN_MS = 1_000;

export class ShieldLimit {
  readonly #name: string;
  readonly #limit: RateLimit;
  readonly #log: Log;
  readonly #circuit = new Circuit(FAILURES, OPEN_MS);

  constructor(name: string, limit: RateLimit, log: Log) {
    this.#name = name;
    this.#limit = limit;
    this.#log = log;
  }

  /** Counts one for the address. @returns whether it is over the limit. Never rejects. */
  async count(address: string, nowMs: number): Promise<boolean> {
    if (!this.#circuit.allows(nowMs)) return false;
    try {
      const { success } = await withDeadline(this.#limit.limit({ key: address }), DEADLINE_MS, this.#name);
      this.#circuit.succeeded();
      return !success;
    } catch (thrown) {
      const wasOpen = this.#circuit.isOpen;
      this.#circuit.failed(Date.now());
      if (!wasOpen && this.#circuit.isOpen) {
        this.#log("error", "shield_failed", { shield: this.#name, error: messageOf(thrown) });
      }
      return false;
    }
  }
}
