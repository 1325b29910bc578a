/**
 * A circuit breaker: after so many failures in a row it stops calling for a while, then lets one call through to see.
 *
 * Plain data, and the clock is an argument. A probe that is never reported (its request was cancelled) wedges nothing: the
 * next one goes after the same while.
 */
export class Circuit {
  readonly #threshold: number;
  readonly #openMs: number;
  #failures = 0;
  #closedUntilProbeMs = 0;

  /** @param threshold failures in a row that open it. @param openMs how long before each probe. */
  constructor(threshold: number, openMs: number) {
    this.#threshold = threshold;
    this.#openMs = openMs;
  }

  get isOpen(): boolean {
    return this.#failures >= this.#threshold;
  }

  /** Whether to call now. Where the circuit is open, yes once per `openMs`: that call is the probe. */
  allows(nowMs: number): boolean {
    if (!this.isOpen) return true;
    const untilProbeMs = this.#closedUntilProbeMs - nowMs;
    // More than a whole wait: the clock has stepped back, and would keep the circuit open for as long.
    if (untilProbeMs > 0 && untilProbeMs <= this.#openMs) return false;
    this.#closedUntilProbeMs = nowMs + this.#openMs;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(nowMs: number): void {
    this.#failures += 1;
    if (this.isOpen) this.#closedUntilProbeMs = nowMs + this.#openMs;
  }
}
