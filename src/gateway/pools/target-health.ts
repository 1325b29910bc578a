/**
 * Whether a target works, as this isolate has seen it: a number of failures in a row ejects it, and a probe that succeeds takes it back.
 *
 * Plain data; the clock is an argument. Only what began after the last change counts: a request that was sent before a target was ejected
 * does not take it back with a late success, and one that was sent to an ejected target does not eject it again.
 */
import { Circuit } from "../../limiter/circuit.ts";

/** Which of a target's times a request or probe belongs to. */
export type Epoch = number;

export class TargetHealth {
  readonly #circuit: Circuit;
  #epoch: Epoch = 0;

  /** @param failures in a row that eject it. @param forMs time before each probe. */
  constructor(failures: number, forMs: number) {
    this.#circuit = new Circuit(failures, forMs);
  }

  get isEjected(): boolean {
    return this.#circuit.isOpen;
  }

  /** To pass on with what a request or probe that begins now comes to. */
  get epoch(): Epoch {
    return this.#epoch;
  }

  /** Changes the numbers, and keeps what has been counted. */
  adjust(failures: number, forMs: number): void {
    const was = this.isEjected;
    this.#circuit.adjust(failures, forMs);
    if (was !== this.isEjected) this.#epoch += 1;
  }

  /** Whether to probe it now. True once for each `forMs`. */
  isProbeDue(nowMs: number): boolean {
    return this.isEjected && this.#circuit.allows(nowMs);
  }

  /** A request or a probe has succeeded. An ejected target gets requests only if most others are ejected too. @returns whether it is back. */
  succeeded(epoch: Epoch): boolean {
    if (epoch !== this.#epoch) return false;
    const was = this.isEjected;
    this.#circuit.succeeded();
    if (was) this.#epoch += 1;
    return was;
  }

  /** A request has failed. While the target is ejected, this changes nothing: it must not put off the next probe. @returns whether it is now ejected. */
  failed(epoch: Epoch, nowMs: number): boolean {
    if (epoch !== this.#epoch || this.isEjected) return false;
    this.#circuit.failed(nowMs);
    if (this.isEjected) this.#epoch += 1;
    return this.isEjected;
  }
}
