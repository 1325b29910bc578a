/**
 * P9: what more users cost. Throughput with 1 and 1,000 users, beside that of an empty object call and of a row written per
 * check for as many; and what the edge's isolate keeps of them in memory.
 */
import { wakeAll } from "./ask-once.ts";
import { CLIENTS, type Places } from "./contenders.ts";
import { inspect } from "./inspector.ts";
import { type Load, load, type Users } from "./load.ts";
import { type Spread, ratiosOf, spreadOf } from "./ratios.ts";
import { edgeAlone } from "./rig-workers.ts";
import { startRig } from "./rig.ts";
import { putPolicy } from "./setup.ts";

export interface Growth {
  readonly users: number;
  /** Decisions a second, each by the object of another user. */
  readonly strict: Spread;
  readonly empty: Spread;
  readonly write: Spread;
  readonly toEmpty: Spread;
  readonly toWrite: Spread;
}

/** So many that none comes back. */
const ALL_NEW = 100_000;
const USERS = [1, 1_000];
/** Users that one step brings: workerd has six files open for each object that is awake. */
const OPENED = 800;

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
    // What a new user costs is a figure of its own (newcomers.ts).
    for (const name of NAMES) await wakeAll(place(name, count));
    for (let round = 1; round <= rounds; round++) {
      for (const name of NAMES) {
        const given = place(name, count);
        await wakeAll(given);
        const measured = await load(given);
        if (measured.refused + measured.errors > 0) throw new Error(`${name} failed with ${count} users`);
        progress(`growth ${round}/${rounds}  ${count} users, ${name}: ${measured.perSecond.toFixed(0)}/s`);
        // A run in which the machine stood still is no infinite ratio.
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
  /** Different users that the isolate had decided about. */
  readonly users: number;
  /** Live JavaScript heap after a collection, MB. */
  readonly heapMb: number;
}

const STEPS = 4;
const ATTEMPTS = 3;
const ASK_EVERY_MS = 200;

/** {@link measureMemory}, tried again where the inspector is silent. Nothing, aloud, where it stays so. */
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

/** The heap of an isolate that has only the edge in it, as ever more users come by. */
async function measureMemory(seconds: number, progress: (text: string) => void): Promise<Memory[]> {
  const rig = await startRig(await edgeAlone(), true);
  try {
    if (!rig.inspector) throw new Error("there is no inspector");
    await putPolicy(rig.url("ours"));
    const edge = `${rig.url("edge")}/identify`;
    await (await fetch(edge, { headers: { "CF-Connecting-IP": "203.0.113.9" } })).text();
    const inspector = await inspect(rig.inspector, "edge");
    const heap = (): Promise<number> => whileAsked(edge, inspector.heapMb());
    const found: Memory[] = [{ users: 1, heapMb: await heap() }];
    let users = 1;
    for (let step = 1; step <= STEPS; step++) {
      // Others in each step, none twice, and no more than workerd can have files open for.
      const { requests } = await load({
        ...ofMany(edge, "CF-Connecting-IP", ALL_NEW, seconds),
        users: {
          header: "CF-Connecting-IP",
          count: ALL_NEW,
          most: { requests: OPENED, from: step * OPENED },
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

/** An isolate that nobody asks anything leaves its inspector waiting. */
async function whileAsked<T>(url: string, work: Promise<T>): Promise<T> {
  const asking = setInterval(
    () =>
      void fetch(url)
        .then((answer) => answer.text())
        .catch(() => ""),
    ASK_EVERY_MS,
  );
  try {
    return await work;
  } finally {
    clearInterval(asking);
  }
}
