/**
 * P11: how many requests of a user below the limit wait for their object, and how long, by the distance of the object, the rate of the
 * requests and the number of isolates that serve them. Each isolate has its own distance.
 */
import { sendPaced, type PacedRequest, steady } from "./paced.ts";
import { FAR_MS, farIsolates, hopWorkers } from "./rig-workers.ts";
import { type Rig, startRig } from "./rig.ts";
import { newUser, putPolicy } from "./setup.ts";

export interface Hops {
  readonly tier: "steady" | "steady-strict";
  /** How much longer a call to the object takes than in the same process, ms. */
  readonly distanceMs: number;
  readonly perSecond: number;
  readonly isolates: number;
  /** Share of the requests that waited for a call. */
  readonly waited: number;
  /** Time that the limiter added, over all requests. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

type Cell = Pick<Hops, "tier" | "distanceMs" | "perSecond" | "isolates">;

/** All cells of a distance send at the same time. */
const CELLS: readonly Omit<Cell, "distanceMs">[] = [
  { tier: "steady", perSecond: 1, isolates: 1 },
  { tier: "steady", perSecond: 1, isolates: 4 },
  { tier: "steady", perSecond: 10, isolates: 1 },
  { tier: "steady", perSecond: 10, isolates: 4 },
  { tier: "steady", perSecond: 100, isolates: 1 },
  { tier: "steady", perSecond: 100, isolates: 4 },
  { tier: "steady-strict", perSecond: 10, isolates: 1 },
];

/** Requests that the machine stalls until they are rejected count as waiting. With more of them the figures say nothing. */
const MAX_REJECTED = 0.02;

/** Not counted: isolates ask for each user's first lease. */
const WARM_UP_SECONDS = 2;

export async function measureHops(seconds: number, progress: (text: string) => void): Promise<Hops[]> {
  const rig = await startRig(await hopWorkers());
  try {
    await putPolicy(rig.url("ours"));
    const found: Hops[] = [];
    for (const distanceMs of FAR_MS) {
      // An isolate compiles its code with its first request.
      for (const worker of farIsolates(distanceMs)) await fetch(`${rig.url(worker)}/identify`);
      const cells = CELLS.map((cell) => measureCell(rig, Object.assign({ distanceMs }, cell), seconds));
      found.push(...(await Promise.all(cells)));
    }
    for (const { tier, distanceMs, perSecond, isolates, waited } of found) {
      progress(
        `hops  ${tier}, ${distanceMs} ms, ${perSecond}/s, ${isolates} isolates: ${(100 * waited).toFixed(1)} %`,
      );
    }
    return found;
  } finally {
    await rig.close();
  }
}

async function measureCell(rig: Rig, cell: Cell, seconds: number): Promise<Hops> {
  const { tier, distanceMs, perSecond, isolates } = cell;
  const key = await newUser(rig.url("ours"), `${tier}-${distanceMs}-${perSecond}-${isolates}`, tier);
  const urls = farIsolates(distanceMs, isolates).map((worker) => `${rig.url(worker)}/identify`);
  const requests: PacedRequest[] = [];
  for (const atMs of steady(perSecond, WARM_UP_SECONDS + seconds)) {
    requests.push({ atMs, url: urls[requests.length % urls.length] ?? "", headers: { "X-API-Key": key } });
  }
  const answers = (await sendPaced(requests)).slice(perSecond * WARM_UP_SECONDS);
  const rejected = answers.filter(({ status }) => status !== 200).length;
  if (rejected > MAX_REJECTED * answers.length) {
    throw new Error(`${JSON.stringify(cell)}: ${rejected} of ${answers.length} requests were rejected`);
  }
  const times = answers.map(({ limiterMs }) => limiterMs).toSorted((a, b) => a - b);
  const waited = answers.filter(({ source }) => source !== "lease").length / answers.length;
  return { ...cell, waited, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
