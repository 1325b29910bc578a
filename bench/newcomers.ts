/**
 * The CPU time of a new user: of the first request of an unknown address, which creates an object. Compared with objects that do
 * nothing and objects that write a row per check. cost.ts counts the rows.
 */
import { askOnce } from "./ask-once.ts";
import type { Places } from "./contenders.ts";
import { type Spread, spreadOf } from "./ratios.ts";
import { cpuMicros } from "./rig.ts";

/** CPU time of the server in microseconds for a user's first request, including the object's work when the user pauses. */
export interface NewcomersCost {
  readonly strict: Spread;
  readonly empty: Spread;
  readonly write: Spread;
}

const NAMES = ["empty", "strict", "write"] as const;
/** Bounded, since workerd has six open files for each object that is awake. */
const COUNT = 200;
const CONCURRENCY = 16;
/** Objects write their exact state a second after the last request. */
const IDLE_MS = 2_000;

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
        CONCURRENCY,
      );
      await idle();
      const each = ((await cpuMicros(pid)) - before) / COUNT;
      progress(`newcomers ${round}/${rounds}  ${name}: ${each.toFixed(0)} us each`);
      // Round 0 warms up the compiler.
      if (round > 0) micros[name].push(each);
    }
  }
  return { strict: spreadOf(micros.strict), empty: spreadOf(micros.empty), write: spreadOf(micros.write) };
}

/** Resolves when the objects have finished the work that they do when a user pauses. */
export function idle(): Promise<void> {
  return new Promise((done) => setTimeout(done, IDLE_MS));
}
