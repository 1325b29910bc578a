/**
 * Samples stored rows: an account with many rows keeps a half, a quarter, ... of them, and each kept row stands for two, four, ... times
 * as many. An account with few rows keeps them all, as in Analytics Engine's sampling by index. With more accounts than rows that can be
 * kept, all accounts are thinned as one.
 *
 * Unbiased: a row of weight w is kept with probability 1/2 and then has weight 2w, so every weighted sum keeps its expectation. Rows below
 * the account's weight are halved until they have it, so rows of earlier passes are not halved again while later ones are lighter:
 * a few heavy rows would decide the sums. A hash of the row decides whether it is kept: the same table is always thinned alike. Pure:
 * the caller reads and writes storage.
 */
import type { Row } from "../../src/analytics/reports/facts.ts";
import type { StoredColumns } from "./stored-columns.ts";

/** Share of the limit that a pass leaves: one pass makes room for many batches. */
const TARGET = 0.8;
/** Halvings in one pass: a weight grows at most a thousandfold. */
const MAX_HALVINGS = 10;

/** One pass over the stored chunks, the oldest first. */
export class Thinning {
  /** The least weight of a kept row. */
  readonly #weights = new Map<string, number>();
  #ids: number[];

  /** @param openId the chunk that is being filled: it and later ones are not thinned. */
  constructor(columns: StoredColumns, limit: number, openId: number) {
    const chunks = [...columns.chunks].filter(({ id }) => id < openId);
    this.#ids = chunks.toSorted((a, b) => a.lastMs - b.lastMs || a.id - b.id).map(({ id }) => id);
    const accounts = columns.dictionaries.account.values;
    const counts = new Float64Array(accounts.length);
    /** Rows before any sampling. */
    const originals = new Float64Array(accounts.length);
    for (const { rows, texts, halvings } of columns.chunks) {
      for (let i = 0; i < rows; i++) {
        const account = texts.account[i] ?? 0;
        counts[account] = (counts[account] ?? 0) + 1;
        originals[account] = (originals[account] ?? 0) + 2 ** (halvings[i] ?? 0);
      }
    }
    const total = limit * TARGET;
    const share = fairShare(counts, total);
    const all = originals.reduce((sum, count) => sum + count, 0);
    accounts.forEach((account, id) => {
      if ((counts[id] ?? 0) <= share) return;
      this.#weights.set(account, weightFor(share < 1 ? all / total : (originals[id] ?? 0) / share));
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
      const wanted = this.#weights.get(row.account) ?? 0;
      let weight = row.weight;
      for (let halvings = 0; weight < wanted && halvings < MAX_HALVINGS; halvings++) {
        if (!isKept(row, weight, i)) return [];
        weight *= 2;
      }
      return [{ ...row, weight }];
    });
  }
}

/** @param originals the rows that each kept row should stand for, at least. @returns a power of two. */
function weightFor(originals: number): number {
  return 2 ** Math.ceil(Math.log2(originals));
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
