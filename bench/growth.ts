/**
 * P9: the cost of more users. Measures the throughput with 1 and 1,000 users, next to that of an empty object call and of a row
 * written per check; and the memory that an edge isolate keeps for its users.
 */
import { wakeAll } from "./ask-once.ts";
import { CLIENTS, type Places } from "./contenders.ts";
import { inspect } from "./inspector.ts";
import { type Load, load, type Users } from "./wrk.ts";
import { type Spread, ratiosOf, spreadOf } from "./ratios.ts";
import { edgeAlone } from "./rig-workers.ts";
import { startRig } from "./rig.ts";
import { putPolicy } from "./setup.ts";

export interface Growth {
  readonly users: number;
  /** Decisions a second, spread over the users. */
  readonly strict: Spread;
  readonly empty: Spread;
  readonly write: Spread;
  readonly toEmpty: Spread;
  readonly toWrite: Spread;
}

/** Enough that no user comes twice. */
const ALL_NEW = 100_000;
const USERS = [1, 1_000];
/** New users per step. Bounded, since workerd has six open files for each object that is awake. */
const USERS_PER_STEP = 800;

export async function measureGrowth(
  { url }: Places,
  rounds: number,
  seconds: number,
  progress: (text: string) => void,
): Promise<Growth[]> {
  const found: Growth[] = [];
  const place = (name: Name, count: number): Load & { users: Users } => {
    const isOurs = name === "strict";
    const header = isOurs ? "CF-Connecting-IP" : "X-User";
    return ofMany(isOurs ? `${url("ours")}/identify` : `${url("objects")}/${name}`, header, count, seconds);
  };
  for (const count of USERS) {
    const runs: Record<Name, number[]> = { strict: [], empty: [], write: [] };
    // Creates the objects first: newcomers.ts measures the cost of a new user.
    for (const name of NAMES) await wakeAll(place(name, count));
    for (let round = 1; round <= rounds; round++) {
      for (const name of NAMES) {
        const given = place(name, count);
        await wakeAll(given);
        const measured = await load(given);
        if (measured.rejected + measured.errors > 0) throw new Error(`${name} failed with ${count} users`);
        progress(`growth ${round}/${rounds}  ${count} users, ${name}: ${measured.perSecond.toFixed(0)}/s`);
        // At least 1, so that a run in which the machine stalled does not make a ratio infinite.
        runs[name].push(Math.max(1, measured.perSecond));
      }
    }
    found.push({
      users: count,
      strict: spreadOf(runs.strict),
      empty: spreadOf(runs.empty),
      write: spreadOf(runs.write),
      toEmpty: ratiosOf(runs.strict, runs.empty),
      toWrite: ratiosOf(runs.strict, runs.write),
    });
  }
  return found;
}

const NAMES = ["empty", "strict", "write"] as const;
type Name = (typeof NAMES)[number];

function ofMany(url: string, header: string, count: number, seconds: number): Load & { users: Users } {
  return { url, connections: CLIENTS, users: { header, count }, seconds };
}

export interface Memory {
  /** Number of users that the isolate has decided for. */
  readonly users: number;
  /** Live JavaScript heap after a collection, MB. */
  readonly heapMb: number;
}

const STEPS = 4;
const ATTEMPTS = 3;
const REQUEST_EVERY_MS = 200;

/** {@link measureMemory} with retries if the inspector does not answer. Returns an empty list, and says so, if it never does. */
export async function tryMeasureMemory(seconds: number, progress: (text: string) => void): Promise<Memory[]> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      return await measureMemory(seconds, progress);
    } catch (thrown) {
      progress(`memory, attempt ${attempt} of ${ATTEMPTS}: ${String(thrown)}`);
    }
  }
  return [];
}

/** Measures the heap of an isolate that runs only the edge, with a growing number of users. */
async function measureMemory(seconds: number, progress: (text: string) => void): Promise<Memory[]> {
  const rig = await startRig(await edgeAlone(), { inspect: true });
  try {
    if (!rig.inspector) throw new Error("the rig was started without an inspector");
    await putPolicy(rig.url("ours"));
    const edge = `${rig.url("edge")}/identify`;
    await (await fetch(edge, { headers: { "CF-Connecting-IP": "203.0.113.9" } })).text();
    const inspector = await inspect(rig.inspector, "edge");
    const heap = (): Promise<number> => whileBusy(edge, inspector.heapMb());
    const found: Memory[] = [{ users: 1, heapMb: await heap() }];
    let users = 1;
    for (let step = 1; step <= STEPS; step++) {
      // New users in each step, and no more than workerd has open files for.
      const { requests } = await load({
        ...ofMany(edge, "CF-Connecting-IP", ALL_NEW, seconds),
        users: {
          header: "CF-Connecting-IP",
          count: ALL_NEW,
          max: { requests: USERS_PER_STEP, from: step * USERS_PER_STEP },
        },
      });
      users += requests;
      const heapMb = await heap();
      progress(`memory ${step}/${STEPS}  ${users} users: ${heapMb.toFixed(1)} MB`);
      found.push({ users, heapMb });
    }
    inspector.close();
    return found;
  } finally {
    await rig.close();
  }
}

/** Sends requests while `work` runs, since an idle isolate does not answer its inspector. */
async function whileBusy<T>(url: string, work: Promise<T>): Promise<T> {
  const requesting = setInterval(
    () =>
      void fetch(url)
        .then((answer) => answer.text())
        .catch(() => ""),
    REQUEST_EVERY_MS,
  );
  try {
    return await work;
  } finally {
    clearInterval(requesting);
  }
}
