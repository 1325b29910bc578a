/** Runs the contenders in turn, A B C A B C, so that whatever else the machine does hits all of them alike. */
import { wakeAll } from "./ask-once.ts";
import { CONTENDERS, type ContenderName, type Places } from "./contenders.ts";
import { type Load, load, type Measured } from "./load.ts";
import { cpuMicros } from "./rig.ts";

export interface Run extends Measured {
  /** Processor time of the server's processes, microseconds a request. */
  readonly cpuUs: number;
}

/** Of each contender its run in each round. One that cannot run here is not in it. */
export type Rounds = ReadonlyMap<ContenderName, readonly Run[]>;

/** Until the work behind the last answers of one is done, so that the next does not pay for it. */
const PAUSE_MS = 250;
const ATTEMPTS = 3;

/** @param pids the server processes of workerd's contenders, and of Node's. */
export async function runRounds(
  places: Places,
  pids: { readonly workerd: number; readonly node: readonly number[] },
  rounds: number,
  seconds: number,
  progress: (text: string) => void,
): Promise<Rounds> {
  const found = new Map<ContenderName, Run[]>();
  // Round 0 warms up: compiled code, connections to objects, cached keys.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, load: loadOf, isDenied = false } of CONTENDERS) {
      const given = loadOf(places);
      if (!given) continue;
      await pause();
      if (given.users) await wakeAll({ url: given.url, users: given.users });
      const processes = name.startsWith("node") ? pids.node : [pids.workerd];
      const { measured, cpuUs } = await run({ ...given, seconds: round === 0 ? 1 : seconds }, processes);
      assertAnswered(name, measured, isDenied, round);
      progress(
        `${round === 0 ? "warm-up" : `round ${round}/${rounds}`}  ${name.padEnd(18)} ${measured.perSecond.toFixed(0).padStart(6)}/s ${cpuUs.toFixed(0).padStart(5)} us`,
      );
      if (round === 0) continue;
      const runs = found.get(name) ?? [];
      found.set(name, [...runs, { ...measured, cpuUs }]);
    }
  }
  return found;
}

/** Once more where the machine stood still for all of it, as one with a busy disk does. */
async function run(
  given: Load,
  processes: readonly number[],
): Promise<{ measured: Measured; cpuUs: number }> {
  for (let attempt = 1; ; attempt++) {
    const before = await cpuOf(processes);
    const measured = await load(given);
    if (measured.requests === 0 && attempt < ATTEMPTS) continue;
    return { measured, cpuUs: ((await cpuOf(processes)) - before) / measured.requests };
  }
}

/** A contender that fails is quick, and no contender. */
function assertAnswered(
  name: string,
  { requests, refused, errors }: Measured,
  isDenied: boolean,
  round: number,
): void {
  // The first request of one who is denied passes.
  if (requests === 0) throw new Error(`${name} answered nothing in all of its time`);
  const isAsExpected = isDenied ? requests - refused <= (round === 0 ? 1 : 0) : refused === 0;
  if (isAsExpected && errors === 0) return;
  throw new Error(`${name}: of ${requests} requests ${refused} were refused, ${errors} failed`);
}

async function cpuOf(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(cpuMicros));
  return each.reduce((sum, us) => sum + us, 0);
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, PAUSE_MS));
}
