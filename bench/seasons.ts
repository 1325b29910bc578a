/** Synthetic daily usage of accounts of many kinds, for the backtest of forecasts. Deterministic: by a seed. */

/** Of API traffic: weekends are quiet. */
const WEEK = [1, 1.05, 1.1, 1.05, 0.95, 0.45, 0.4];
const MEAN = 10_000;

export interface Season {
  readonly name: string;
  /** Usage on a day, before noise. */
  readonly level: (day: number, random: () => number) => number;
  /** The standard deviation of the noise, as a share of the day. */
  readonly noise: number;
}

const weekly = (day: number): number => MEAN * (WEEK[day % 7] ?? 1);

export const SEASONS: readonly Season[] = [
  { name: "flat", level: () => MEAN, noise: 0.1 },
  { name: "weekly", level: weekly, noise: 0.1 },
  { name: "noisy weekly", level: weekly, noise: 0.4 },
  { name: "growth of 3 % a week", level: (day) => weekly(day) * 1.03 ** (day / 7), noise: 0.1 },
  { name: "decline of 3 % a week", level: (day) => weekly(day) * 0.97 ** (day / 7), noise: 0.1 },
  // Ten days a year, of which one lasts a week.
  { name: "holidays", level: (day) => weekly(day) * (day % 41 === 13 || day % 97 < 5 ? 0.2 : 1), noise: 0.1 },
  { name: "spikes", level: (day, random) => weekly(day) * (random() < 0.03 ? 5 : 1), noise: 0.1 },
  { name: "doubles at once", level: (day) => weekly(day) * (day > 90 ? 2 : 1), noise: 0.1 },
  { name: "rare", level: (_day, random) => (random() < 0.15 ? MEAN * 7 : 0), noise: 0.3 },
];

/** A generator of numbers from 0 to below 1 (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many days of a season, whole numbers of at least 0. */
export function daysOf({ level, noise }: Season, count: number, random: () => number): number[] {
  return Array.from({ length: count }, (_none, day) => {
    // Nearly normal: the sum of twelve uniform numbers.
    let normal = -6;
    for (let i = 0; i < 12; i++) normal += random();
    return Math.max(0, Math.round(level(day, random) * (1 + noise * normal)));
  });
}
