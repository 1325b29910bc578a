/** The most that the crashes of a history may have taken from any limit, by the limits used so far. */
import type { Loss, Turn } from "./history.ts";
import { billLossOf, lossOf } from "./loss.ts";
import type { Rule } from "./policies.ts";

/** After a crash, a bucket does not refill for as long. */
export const FLOOR_HOLD_MS = 5_000;

export class LossBound {
  /** The most that crashes may have taken from any limit. */
  slackMilli = 0;
  /** The most that one crash may take from the bill. */
  billMilli = 0;
  /** The most that one crash may take from any limit. */
  #limitMilli = 0;
  /** When the object last lost what was in its memory, and the part of the slack that is for it. */
  #last = { atMs: -Infinity, milli: 0 };
  /** The fastest of the limits used so far. */
  #fastestPerMs = 0;
  readonly #turns: Turn[] = [];

  /** Notes a turn of the object in force. */
  turn(turn: Turn): void {
    this.#turns.push(turn);
  }

  /** Raises the most that a crash may take: a request or a lease uses these limits. */
  use(rules: readonly Rule[], { atMs }: Turn): void {
    this.#limitMilli = Math.max(this.#limitMilli, ...rules.map(lossOf));
    this.#fastestPerMs = Math.max(this.#fastestPerMs, ...rules.map(({ milliPerMs }) => milliPerMs));
    // Floors are still held, and what they would refill meanwhile is lost at the rate that is in force by now.
    if (atMs < this.#last.atMs + FLOOR_HOLD_MS) {
      this.slackMilli += this.#limitMilli - this.#last.milli;
      this.#last.milli = this.#limitMilli;
    }
    this.billMilli = Math.max(this.billMilli, billLossOf(rules));
  }

  lose(loss: Loss): void {
    this.slackMilli += this.#limitMilli + this.#unwrittenRefillMilli(loss);
    this.#last = { atMs: loss.atMs, milli: this.#limitMilli };
  }

  /** If the clock steps back, what was refilled since the last write is refilled again by then only when the clock has caught up. */
  #unwrittenRefillMilli({ rows, localMs, nextMs }: Loss): number {
    const writtenMs = this.#turns.findLast(({ rowsBefore }) => rowsBefore < rows)?.localMs ?? -Infinity;
    return this.#fastestPerMs * Math.max(0, Math.min(localMs - nextMs, localMs - writtenMs));
  }
}
