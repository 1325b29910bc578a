/**
 * A map that never holds more than so many entries, each until its own time. What was written longest ago goes first.
 *
 * For isolate memory: it holds plain data only, never a promise, a stub or a stream of a request. The clock is an argument.
 */
export class BoundedCache<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly untilMs: number }>();
  readonly #capacity: number;

  /** @param capacity entries at most; at least 1. */
  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, or undefined where there is none or its time has passed. */
  get(key: string, nowMs: number): V | undefined {
    const entry = this.#entries.get(key);
    return entry && nowMs < entry.untilMs ? entry.value : undefined;
  }

  /** The value however old it is: for when its source does not answer. */
  getStale(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: string, value: V, untilMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs });
    if (this.#entries.size <= this.#capacity) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
