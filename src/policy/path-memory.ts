/**
 * Caches the results for recent paths, by method: a bounded number of paths of bounded length.
 *
 * Two generations: when the younger is full it replaces the older, whose remaining paths are evicted. A path that is looked up again moves
 * to the younger, so paths in use stay cached, however many others are requested.
 */

/** A longer path is not cached: it is matched each time. */
const MAX_LENGTH = 256;

export class PathMemory<V> {
  readonly #perGeneration: number;
  #younger = new Map<string, Map<string, V>>();
  #older = new Map<string, Map<string, V>>();
  #count = 0;

  /** @param capacity maximum number of paths; an even number. About 400 bytes each. */
  constructor(capacity: number) {
    this.#perGeneration = capacity / 2;
  }

  /** Number of cached paths. */
  get size(): number {
    let size = 0;
    for (const paths of [...this.#younger.values(), ...this.#older.values()]) size += paths.size;
    return size;
  }

  get(method: string, path: string): V | undefined {
    const young = this.#younger.get(method)?.get(path);
    if (young !== undefined) return young;
    const old = this.#older.get(method)?.get(path);
    if (old !== undefined) this.set(method, path, old);
    return old;
  }

  set(method: string, path: string, value: V): void {
    if (path.length > MAX_LENGTH) return;
    if (this.#count >= this.#perGeneration) {
      this.#older = this.#younger;
      this.#younger = new Map();
      this.#count = 0;
    }
    const paths = this.#younger.get(method) ?? new Map<string, V>();
    this.#younger.set(method, paths.set(copyOf(path), value));
    this.#count += 1;
  }
}

/** Copies a slice of a URL, which would otherwise keep the whole URL in memory, with its query. */
function copyOf(path: string): string {
  return ` ${path}`.slice(1);
}
