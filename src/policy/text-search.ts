/**
 * Finds which of many texts occur in another text, in any case (Aho and Corasick, 1975): one look-up per character, however many texts
 * there are. So no header takes more time than in proportion to its length, and no policy makes it slower.
 *
 * Pure.
 */
import { type Bits, emptyBits, include } from "./path-patterns.ts";

const ASCII = 128;

export class TextSearch {
  /** The class of each ASCII character, the same for both cases. 0: in no text. */
  readonly #classes = new Uint8Array(ASCII);
  readonly #width: number;
  /** The next state by state and class. State 0: nothing has begun to match. */
  readonly #next: Uint16Array;
  /** What is found on entering a state. */
  readonly #found: (Bits | undefined)[] = [];
  /** Whether something is. */
  readonly #isFound: Uint8Array;

  /**
   * @param texts printable ASCII, at most 2^16 - 1 characters in all, each with the index that it includes in the result.
   * @param size the number of indices.
   */
  constructor(texts: readonly (readonly [text: string, index: number])[], size: number) {
    let width = 1;
    let states = 1;
    for (const [text] of texts) {
      states += text.length;
      for (const character of text.toLowerCase()) {
        const code = character.charCodeAt(0);
        if (this.#classes[code] !== 0) continue;
        this.#classes[code] = this.#classes[character.toUpperCase().charCodeAt(0)] = width++;
      }
    }
    this.#width = width;
    this.#next = new Uint16Array(states * width);
    this.#addTexts(texts, size);
    this.#link();
    this.#isFound = Uint8Array.from({ length: states }, (_, state) => (this.#found[state] ? 1 : 0));
  }

  /** Adds the indices of the texts that occur in `text` to a set. */
  find(text: string, into: Bits): void {
    const classes = this.#classes;
    const next = this.#next;
    const isFound = this.#isFound;
    const width = this.#width;
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      state = next[state * width + (code < ASCII ? (classes[code] ?? 0) : 0)] ?? 0;
      if (isFound[state] === 0) continue;
      const set = this.#found[state];
      if (set) for (let w = 0; w < into.length; w++) into[w] = (into[w] ?? 0) | (set[w] ?? 0);
    }
  }

  #addTexts(texts: readonly (readonly [string, number])[], size: number): void {
    let states = 1;
    for (const [text, index] of texts) {
      let state = 0;
      for (let i = 0; i < text.length; i++) {
        const at = state * this.#width + (this.#classes[text.charCodeAt(i)] ?? 0);
        state = this.#next[at] ||= states++;
      }
      include((this.#found[state] ??= emptyBits(size)), index);
    }
  }

  /** Completes the table, breadth first: what does not go on with a text goes on with the longest end of it that begins another. */
  #link(): void {
    const [next, found, width] = [this.#next, this.#found, this.#width];
    const links: number[] = [0];
    const queue: number[] = [0];
    for (const state of queue) {
      const link = links[state] ?? 0;
      for (let of = 1; of < width; of++) {
        const at = state * width + of;
        const through = state === 0 ? 0 : (next[link * width + of] ?? 0);
        const child = next[at] ?? 0;
        if (child === 0) {
          next[at] = through;
          continue;
        }
        links[child] = through;
        const [own, inherited] = [found[child], found[through]];
        if (inherited) found[child] = own ? own.map((word, w) => word | (inherited[w] ?? 0)) : inherited;
        queue.push(child);
      }
    }
  }
}
