/**
 * P6: what a million decisions cost, for one user of the pro tier who sends at a steady rate, and for a population of users. Every
 * operation is counted while the product decides, and so is the time that objects are awake.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { counted, since } from "./cost.ts";
import { type PacedRequest, sendPaced, steady } from "./paced.ts";
import type { Operations } from "./price.ts";
import { cpuMicros, type Rig, startRig } from "./rig.ts";
import { countedWorker } from "./rig-workers.ts";
import { newUser, newUsers, putPolicy } from "./setup.ts";
import { DEFAULT_DELAY_MS } from "../src/analytics/batch.ts";

export interface RateCost {
  /** Requests a second of the user; null: the population. */
  readonly perSecond: number | null;
  readonly operations: Operations;
  /** CPU time per request of edge, objects and hub, microseconds. */
  readonly cpuUs: number;
  /** Requests that a limit denied. */
  readonly denied: number;
}

/**
 * The rates, each with the seconds that it lasts: long, since the checkpoint after the last request counts too. At 100 requests a second,
 * a pro user's burst is used up after 18 s.
 */
export const RATES: ReadonlyMap<number, number> = new Map([
  [1, 100],
  [2, 60],
  [5, 60],
  [10, 40],
  [100, 15],
]);

/** Users by rank: the rate of each falls with a power of the rank (Zipf). */
export const POPULATION = { users: 10_000, exponent: 1.1, perSecond: 2_000 } as const;
/** One user of so many is measured, at the mean rate of the ranks they stand for, since one workerd has not enough open files for all. */
const ONE_OF = 16;
const POPULATION_SECONDS = 90;

/** A busy machine leaves some requests without an answer. With more of them the counts say nothing. */
const MAX_FAILED = 0.01;

/** Points and checkpoints that the last requests caused belong to them. */
const IDLE_MS = DEFAULT_DELAY_MS + 1_000;

/** Measures the rates and the population at the same time, each in a runtime of its own: all of it is counted, not timed. */
export async function measureRates(
  rates: readonly number[],
  withPopulation: boolean,
  progress: (text: string) => void,
): Promise<RateCost[]> {
  const measures = rates.map((perSecond) => (rig: Rig) => oneUser(rig, perSecond));
  if (withPopulation) measures.push(population);
  const rigs: Rig[] = [];
  try {
    // One after the other, since a rig finds its process by its being new.
    for (const _ of measures) rigs.push(await startRig(await countedWorker("embedded")));
    const found: RateCost[] = [];
    for (const result of await Promise.allSettled(measures.map((measure, i) => measured(measure, rigs[i])))) {
      if (result.status === "rejected") {
        progress(`NOT MEASURED: ${String(result.reason)}`);
        continue;
      }
      const { perSecond, operations } = result.value;
      progress(`${perSecond === null ? "population" : `${perSecond}/s`}  ${JSON.stringify(operations)}`);
      found.push(result.value);
    }
    return found;
  } finally {
    await Promise.all(rigs.map((rig) => rig.close()));
  }
}

async function measured(measure: (rig: Rig) => Promise<RateCost>, rig: Rig | undefined): Promise<RateCost> {
  if (!rig) throw new Error("a measurement has no rig");
  await putPolicy(rig.url("counted"));
  return measure(rig);
}

async function oneUser(rig: Rig, perSecond: number): Promise<RateCost> {
  const url = `${rig.url("counted")}/identify`;
  const headers = { "X-API-Key": await newUser(rig.url("counted"), "steady", "pro") };
  // Wakes the object, fills the caches and makes the user known to the hub, which does not count.
  await sendPaced([{ atMs: 0, url, headers }]);
  await new Promise((done) => setTimeout(done, IDLE_MS));
  const moments = [...steady(perSecond, RATES.get(perSecond) ?? 0)];
  return costOf(
    rig,
    perSecond,
    moments.map((atMs) => ({ atMs, url, headers })),
  );
}

async function population(rig: Rig): Promise<RateCost> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-population-"));
  try {
    const file = join(directory, "keys");
    await newUsers(rig.url("counted"), POPULATION.users / ONE_OF, "pro", file);
    const keys = (await readFile(file, "utf8")).trim().split("\n");
    return await costOf(rig, null, arrivals(`${rig.url("counted")}/identify`, keys));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Each user sends at random moments (Poisson), at the rate of their rank. */
function arrivals(url: string, keys: readonly string[]): PacedRequest[] {
  const share = (rank: number): number => rank ** -POPULATION.exponent;
  let shares = 0;
  for (let rank = 1; rank <= POPULATION.users; rank++) shares += share(rank);
  const all = keys.flatMap((key, i) => {
    let own = 0;
    for (let rank = i * ONE_OF + 1; rank <= (i + 1) * ONE_OF; rank++) own += share(rank) / ONE_OF;
    const perMs = (POPULATION.perSecond * own) / shares / 1_000;
    const sent: PacedRequest[] = [];
    const gap = (): number => -Math.log(1 - Math.random()) / perMs;
    for (let atMs = gap(); atMs < POPULATION_SECONDS * 1_000; atMs += gap()) {
      sent.push({ atMs, url, headers: { "X-API-Key": key } });
    }
    return sent;
  });
  return all.toSorted((a, b) => a.atMs - b.atMs);
}

async function costOf(
  rig: Rig,
  perSecond: number | null,
  requests: readonly PacedRequest[],
): Promise<RateCost> {
  const url = rig.url("counted");
  const [before, cpuBefore] = [await counted(url), await cpuMicros(rig.pid)];
  const answers = await sendPaced(requests);
  await new Promise((done) => setTimeout(done, IDLE_MS));
  const cpuUs = ((await cpuMicros(rig.pid)) - cpuBefore) / requests.length;
  const failed = answers.filter(({ status }) => status !== 200 && status !== 429).length;
  if (failed > MAX_FAILED * answers.length) {
    throw new Error(
      `${failed} of ${answers.length} requests at ${perSecond ?? "the population's rate"} failed`,
    );
  }
  const denied = answers.filter(({ status }) => status === 429).length;
  return { perSecond, operations: since(before, await counted(url), requests.length), cpuUs, denied };
}
