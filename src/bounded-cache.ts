/**
 * A map that never holds more than so many entries, each until its own time. What was written longest ago goes first.
 *
 * For isolate memory: it holds plain data only, never a promise, a stub or a stream of a request. The clock is an argument.
 */
export class BoundedCache<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly untilMs: number }>();
  readonly #capacity: number;
  readonly #dropped: ((value: V) => void) | undefined;

  /**
   * @param capacity entries at most; at least 1.
   * @param dropped called with a value that is forgotten for lack of room.
   */
  constructor(capacity: number, dropped?: (value: V) => void) {
    this.#capacity = Math.max(1, capacity);
    this.#dropped = dropped;
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

  /** Whether another key would evict one that has not expired. */
  isFull(nowMs: number): boolean {
    if (this.#entries.size < this.#capacity) return false;
    const oldest = this.#entries.values().next();
    return !oldest.done && nowMs < oldest.value.untilMs;
  }

  set(key: string, value: V, untilMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs });
    if (this.#entries.size <= this.#capacity) return;
    const oldest = this.#entries.entries().next();
    if (oldest.done) return;
    const [name, entry] = oldest.value;
    this.#entries.delete(name);
    this.#dropped?.(entry.value);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
