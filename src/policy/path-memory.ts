/**
 * What was found for recent paths, by method: a bounded number of them, of bounded length.
 *
 * Two generations: when the younger is full it becomes the older, and what the older still had is forgotten. A path that is asked for
 * again moves to the younger, so paths in use stay, however many others are requested.
 */

/** A longer path is not remembered: it costs its look-up each time. */
const MAX_LENGTH = 256;

export class PathMemory<V> {
  readonly #perGeneration: number;
  #younger = new Map<string, Map<string, V>>();
  #older = new Map<string, Map<string, V>>();
  #count = 0;

  /** @param capacity paths at most; an even number. About 400 bytes each. */
  constructor(capacity: number) {
    this.#perGeneration = capacity / 2;
  }

  /** Paths remembered now. */
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

/** A slice of a URL keeps all of the URL in memory, its query too: this copies the slice. */
function copyOf(path: string): string {
  return ` ${path}`.slice(1);
}
