/**
 * What a new user costs: the first requests of addresses that were never seen, each of which makes an object. Processor time beside
 * objects that do nothing and objects that write a row per check; how many rows is counted in cost.ts.
 */
import { askOnce } from "./ask-once.ts";
import type { Places } from "./contenders.ts";
import { type Spread, spreadOf } from "./ratios.ts";
import { cpuMicros } from "./rig.ts";

/** Microseconds of the server's processor for a user's first request, and what the object does when the user pauses. */
export interface NewcomersCost {
  readonly strict: Spread;
  readonly empty: Spread;
  readonly write: Spread;
}

const NAMES = ["empty", "strict", "write"] as const;
/** workerd has six files open for each object that is awake. */
const COUNT = 200;
const AT_ONCE = 16;
/** Objects write their exact state a second after the last request. */
const SETTLED_MS = 2_000;

export async function measureNewcomers(
  { url }: Places,
  pid: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<NewcomersCost> {
  const micros: Record<(typeof NAMES)[number], number[]> = { strict: [], empty: [], write: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const name of NAMES) {
      const isOurs = name === "strict";
      const before = await cpuMicros(pid);
      await askOnce(
        isOurs ? `${url("ours")}/identify` : `${url("objects")}/${name}`,
        isOurs ? "CF-Connecting-IP" : "X-User",
        Array.from({ length: COUNT }, (_, n) => `10.${2 + round}.200.${n}`),
        AT_ONCE,
      );
      await settled();
      const each = ((await cpuMicros(pid)) - before) / COUNT;
      progress(`newcomers ${round}/${rounds}  ${name}: ${each.toFixed(0)} us each`);
      // The first round compiles.
      if (round > 0) micros[name].push(each);
    }
  }
  return { strict: spreadOf(micros.strict), empty: spreadOf(micros.empty), write: spreadOf(micros.write) };
}

/** Until the objects have done what they do when a user pauses. */
export function settled(): Promise<void> {
  return new Promise((done) => setTimeout(done, SETTLED_MS));
}
