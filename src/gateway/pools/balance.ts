/** How a pool chooses one of its targets. Pure: randomness is an argument. */
import { subjectHash } from "../../analytics/metrics/distinct.ts";

export interface Weighted {
  /** As the policy or the discovery names it. */
  readonly url: string;
  /** At least 1. */
  readonly weight: number;
}

/** A number of at least 0 and below 1. */
export type Random = () => number;

/** Hashes are below this. */
const HASH_RANGE = 2 ** 53;

/**
 * Smooth weighted round robin (nginx, 2012): each target gains its weight with every choice, the one that has most is chosen and pays what
 * all gained. In as many choices as the weights come to, each target gets exactly its weight of them, spread as evenly as possible.
 */
export class RoundRobin {
  #credits = new Map<string, number>();

  next<T extends Weighted>(targets: readonly T[]): T | null {
    let chosen: T | null = null;
    let [most, total] = [-Infinity, 0];
    for (const target of targets) {
      const credit = (this.#credits.get(target.url) ?? 0) + target.weight;
      this.#credits.set(target.url, credit);
      total += target.weight;
      if (credit > most) [chosen, most] = [target, credit];
    }
    if (chosen) this.#credits.set(chosen.url, most - total);
    return chosen;
  }

  /** Begins anywhere in the cycle of these targets: otherwise the first request of every isolate would get the first target. */
  restart(targets: readonly Weighted[], random: Random): void {
    const kept = this.#credits;
    this.#credits = new Map(targets.map(({ url }) => [url, kept.get(url) ?? 0]));
    if (kept.size > 0) return;
    const steps = Math.floor(random() * targets.reduce((sum, { weight }) => sum + weight, 0));
    for (let i = 0; i < steps; i++) this.next(targets);
  }
}

/** Draws two by their weights, and takes the one with fewer requests in flight for its weight (Mitzenmacher 2001). */
export function leastRequests<T extends Weighted>(
  targets: readonly T[],
  inFlight: (target: T) => number,
  random: Random,
): T | null {
  const one = drawn(targets, random);
  const other = drawn(
    targets.filter((target) => target !== one),
    random,
  );
  if (!one || !other) return one;
  return inFlight(other) / other.weight < inFlight(one) / one.weight ? other : one;
}

function drawn<T extends Weighted>(targets: readonly T[], random: Random): T | null {
  let left = random() * targets.reduce((sum, { weight }) => sum + weight, 0);
  for (const target of targets) {
    left -= target.weight;
    if (left < 0) return target;
  }
  return targets.at(-1) ?? null;
}

/**
 * Weighted rendezvous hashing (Thaler and Ravishankar 1998): the same subject always gets the same target, and if a target leaves, only its
 * subjects move, to the others by their weights.
 */
export function bySubject<T extends Weighted>(targets: readonly T[], subject: string): T | null {
  let chosen: T | null = null;
  let most = -Infinity;
  for (const target of targets) {
    const share = (subjectHash(`${subject}\n${target.url}`) + 0.5) / HASH_RANGE;
    const score = -target.weight / Math.log(share);
    if (score > most) [chosen, most] = [target, score];
  }
  return chosen;
}
