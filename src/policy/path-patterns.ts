/**
 * Finds which patterns of a list match a path, as a bit set: bit i stands for pattern i.
 *
 * Each place in a path has a table of the patterns that accept each segment there. Matching reads the path from left to right and intersects
 * these sets, so its cost depends only on the number and length of the patterns: one lookup and ceil(patterns / 32) words per segment, for
 * at most as many segments as the longest pattern has. A trie has no such bound: if a literal and a parameter both accept a segment, it
 * follows both branches, and their number doubles. The names of parameters do not matter.
 *
 * Pure, without regular expressions or recursion.
 */

/** A set of patterns by their index, 32 in each word. */
export type Bits = Uint32Array;

/** The patterns by what they accept at one place; place 0 is the first segment. */
interface Place {
  /** Patterns with exactly this segment here. */
  readonly literals: Map<string, Bits>;
  /** Patterns with a parameter here. */
  readonly params: Bits;
  /** Patterns that ended before this place. */
  readonly ends: Bits;
  /** Patterns with only a star left, which matches nothing or all that follows. */
  readonly stars: Bits;
}

export class PathPatterns {
  /** Segments compared so far, for tests: each costs one lookup and ceil(size / 32) words. */
  comparisons = 0;
  readonly #size: number;
  readonly #places: Place[] = [];
  readonly #all: Bits;
  /** The two sets of the match under way, reused so that matching allocates nothing. */
  readonly #live: Bits;
  readonly #found: Bits;

  /** @param size maximum number of patterns. */
  constructor(size: number) {
    this.#size = size;
    this.#all = emptyBits(size);
    this.#live = emptyBits(size);
    this.#found = emptyBits(size);
  }

  /** Adds a pattern of literals, `:params` and a final `*` (the policy's schema has the grammar). `index` is below the size. */
  add(index: number, pattern: string): void {
    const segments = pattern.slice(1).split("/");
    const hasStar = segments.at(-1) === "*";
    if (hasStar) segments.pop();
    segments.forEach((segment, i) => {
      const { literals, params } = this.#place(i);
      if (segment.startsWith(":")) return include(params, index);
      const accepting = literals.get(segment) ?? emptyBits(this.#size);
      include(accepting, index);
      literals.set(segment, accepting);
    });
    const { ends, stars } = this.#place(segments.length);
    include(hasStar ? stars : ends, index);
    include(this.#all, index);
  }

  /** The patterns that match a path, which begins with a slash (or is empty: the path above `/`). Valid until the next call. */
  matching(path: string): Bits {
    const live = this.#live;
    const found = this.#found;
    live.set(this.#all);
    found.fill(0);
    let start = 1;
    for (const { literals, params, ends, stars } of this.#places) {
      for (let w = 0; w < live.length; w++) found[w] = at(found, w) | (at(live, w) & at(stars, w));
      if (start > path.length) {
        for (let w = 0; w < live.length; w++) found[w] = at(found, w) | (at(live, w) & at(ends, w));
        break;
      }
      const slash = path.indexOf("/", start);
      const end = slash === -1 ? path.length : slash;
      const accepting = literals.get(path.slice(start, end));
      // A parameter matches one segment that is not empty.
      const isEmpty = end === start;
      let left = 0;
      for (let w = 0; w < live.length; w++) {
        const accepted = (accepting ? at(accepting, w) : 0) | (isEmpty ? 0 : at(params, w));
        left |= live[w] = at(live, w) & accepted;
      }
      this.comparisons += 1;
      if (left === 0) break;
      start = end + 1;
    }
    return found;
  }

  #place(i: number): Place {
    const size = this.#size;
    return (this.#places[i] ??= {
      literals: new Map(),
      params: emptyBits(size),
      ends: emptyBits(size),
      stars: emptyBits(size),
    });
  }
}

export function emptyBits(size: number): Bits {
  return new Uint32Array(Math.ceil(size / 32));
}

export function include(set: Bits, index: number): void {
  set[index >>> 5] = at(set, index >>> 5) | (1 << (index & 31));
}

/** Adds to a set what is in both others. */
export function includeBoth(set: Bits, one: Bits, other: Bits): void {
  for (let w = 0; w < set.length; w++) set[w] = at(set, w) | (at(one, w) & at(other, w));
}

/** The lowest index that is in both sets; -1 if there is none. */
export function firstInBoth(one: Bits, other: Bits): number {
  for (let w = 0; w < one.length; w++) {
    const both = at(one, w) & at(other, w);
    if (both !== 0) return w * 32 + 31 - Math.clz32(both & -both);
  }
  return -1;
}

function at(set: Bits, word: number): number {
  return set[word] ?? 0;
}
