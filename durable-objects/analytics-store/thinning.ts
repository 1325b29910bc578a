/**
 * Samples stored rows: an account with many rows keeps a half, a quarter, ... of them, and each kept row stands for two, four, ... times
 * as many. An account with few rows keeps them all, as in Analytics Engine's sampling by index.
 *
 * Unbiased: a row of weight w is kept with probability 1/2 and then has weight 2w, so every weighted sum keeps its expectation. A hash of
 * the row decides whether it is kept: the same table is always thinned alike. Pure: the caller reads and writes storage.
 */
import type { Row } from "../../src/analytics/reports/facts.ts";
import type { StoredColumns } from "./stored-columns.ts";

/** Share of the limit that a pass leaves: one pass makes room for many batches. */
const TARGET = 0.8;
/** Halvings in one pass: a weight grows at most a thousandfold. */
const MAX_HALVINGS = 10;

/** One pass over the stored chunks, the oldest first. */
export class Thinning {
  readonly #halvings = new Map<string, number>();
  #ids: number[];

  /** @param openId the chunk that is being filled: it and later ones are not thinned. */
  constructor(columns: StoredColumns, limit: number, openId: number) {
    const chunks = [...columns.chunks].filter(({ id }) => id < openId);
    this.#ids = chunks.toSorted((a, b) => a.lastMs - b.lastMs || a.id - b.id).map(({ id }) => id);
    const counts = new Float64Array(columns.dictionaries.account.values.length);
    for (const { texts } of columns.chunks) {
      for (const account of texts.account) counts[account] = (counts[account] ?? 0) + 1;
    }
    const share = fairShare(counts, limit * TARGET);
    columns.dictionaries.account.values.forEach((account, id) => {
      const halvings = Math.ceil(Math.log2((counts[id] ?? 0) / share));
      if (halvings > 0) this.#halvings.set(account, Math.min(halvings, MAX_HALVINGS));
    });
  }

  /** The next chunks to thin; empty when the pass is over. */
  next(count: number): number[] {
    const ids = this.#ids.slice(0, count);
    this.#ids = this.#ids.slice(count);
    return ids;
  }

  /** The rows to keep, with their new weights. */
  sample(rows: readonly Row[]): Row[] {
    return rows.flatMap((row, i) => {
      const halvings = this.#halvings.get(row.account) ?? 0;
      let weight = row.weight;
      for (let h = 0; h < halvings; h++) {
        if (!isKept(row, weight, i)) return [];
        weight *= 2;
      }
      return [{ ...row, weight }];
    });
  }
}

/**
 * The most rows each account may keep so that all together keep `total`; accounts with fewer keep all. Infinite if nothing must go.
 * @param counts rows by account.
 */
export function fairShare(counts: Float64Array, total: number): number {
  const ascending = counts.toSorted();
  let left = total;
  for (const [i, count] of ascending.entries()) {
    const share = left / (ascending.length - i);
    if (count > share) return share;
    left -= count;
  }
  return Number.POSITIVE_INFINITY;
}

/** A fair coin for each row and weight. Items of a batch share a request id, so the hash includes their place. */
function isKept({ requestId, atMs, account }: Row, weight: number, place: number): boolean {
  return (hash(`${requestId}\n${account}\n${atMs}\n${weight}\n${place}`) & 1) === 0;
}

/** FNV-1a with the finalizer of MurmurHash3: every bit of the text reaches every bit of the hash. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
