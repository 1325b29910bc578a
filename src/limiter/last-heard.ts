/**
 * What was last heard of each user, which is what the fallback goes by: KV does not know a user's tier. Bounded; plain data; the
 * clock is an argument.
 */
import { BoundedCache } from "../bounded-cache.ts";
import type { Decision } from "../core/decision.ts";

/** Subjects of which it is remembered, per isolate. */
const SUBJECTS = 10_000;
const REMEMBERED_MS = 600_000;

export interface Heard {
  readonly tier: string;
  readonly outcome: Decision["outcome"];
  readonly atMs: number;
}

/** With since when it has been the same. */
interface Noted {
  readonly tier: string;
  readonly outcome: Decision["outcome"];
  readonly fromMs: number;
  atMs: number;
}

export class LastHeard {
  readonly #noted = new BoundedCache<Noted>(SUBJECTS);

  /** However long ago; undefined where nothing is known. */
  latest(subject: string): Heard | undefined {
    return this.#noted.getStale(subject);
  }

  /** Undefined where it is too long ago to go by. */
  remembered(subject: string, nowMs: number): Heard | undefined {
    const known = this.#noted.getStale(subject);
    return known && nowMs - known.atMs < REMEMBERED_MS ? known : undefined;
  }

  note(subject: string, { tier, outcome }: Pick<Decision, "tier" | "outcome">, atMs: number): void {
    const known = this.#noted.getStale(subject);
    // Mostly the same as before: that is noted in its place, since a map that is written to for each request is often rebuilt.
    if (known?.tier === tier && known.outcome === outcome && atMs - known.fromMs < REMEMBERED_MS / 2) {
      known.atMs = atMs;
      return;
    }
    this.#noted.set(subject, { tier, outcome, fromMs: atMs, atMs }, atMs + REMEMBERED_MS);
  }
}
