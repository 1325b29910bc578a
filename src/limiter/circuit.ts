/**
 * A circuit breaker: after a number of failures in a row it holds calls back for a while, then lets one through as a probe.
 *
 * Plain data; the clock is an argument. A probe whose result is never reported, since the runtime ended its request, does no harm: the
 * next probe follows after the same time.
 */
export class Circuit {
  #threshold: number;
  #openMs: number;
  #failures = 0;
  #closedUntilProbeMs = 0;

  /** @param threshold failures in a row that open it. @param openMs time before each probe. */
  constructor(threshold: number, openMs: number) {
    this.#threshold = threshold;
    this.#openMs = openMs;
  }

  /** Changes its numbers, and keeps what it has counted. */
  adjust(threshold: number, openMs: number): void {
    this.#threshold = threshold;
    this.#openMs = openMs;
  }

  get isOpen(): boolean {
    return this.#failures >= this.#threshold;
  }

  /** Whether to call now. An open circuit allows one call per `openMs`, the probe. */
  allows(nowMs: number): boolean {
    if (!this.isOpen) return true;
    const untilProbeMs = this.#closedUntilProbeMs - nowMs;
    // More than `openMs`: the clock has stepped back, and would keep the circuit open for as long.
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
