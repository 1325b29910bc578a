/**
 * A map with a bounded number of entries, each with its own expiry. The entry written longest ago is evicted first.
 *
 * For isolate memory: holds only plain data, never a promise, stub or stream of a request. The clock is an argument.
 */
export class BoundedCache<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly untilMs: number }>();
  readonly #capacity: number;
  readonly #dropped: ((value: V) => void) | undefined;

  /**
   * @param capacity the most entries; at least 1.
   * @param dropped called with each evicted value.
   */
  constructor(capacity: number, dropped?: (value: V) => void) {
    this.#capacity = Math.max(1, capacity);
    this.#dropped = dropped;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, or undefined if there is none or it has expired. */
  get(key: string, nowMs: number): V | undefined {
    const entry = this.#entries.get(key);
    return entry && nowMs < entry.untilMs ? entry.value : undefined;
  }

  /** The value even if it has expired, for when its source does not answer. */
  getStale(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Whether a new key would evict an entry that has not expired. */
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
