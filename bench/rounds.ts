/** Runs the contenders in turn, A B C A B C, so that other work on the machine affects all of them equally. */
import { wakeAll } from "./ask-once.ts";
import { CONTENDERS, type ContenderName, type Places } from "./contenders.ts";
import { type Load, load, type LoadResult } from "./wrk.ts";
import { cpuMicros } from "./rig.ts";

export interface ContenderRun extends LoadResult {
  /** CPU time of the server's processes, microseconds per request. */
  readonly cpuUs: number;
}

/** The runs of each contender, one per round. Contenders that cannot run on this machine are missing. */
export type Rounds = ReadonlyMap<ContenderName, readonly ContenderRun[]>;

/** Time for a contender's work after its last answers, so that it does not burden the next one. */
const PAUSE_MS = 250;
const ATTEMPTS = 3;

/** Runs all contenders. @param pids the processes of workerd and of the Node contenders. */
export async function runRounds(
  places: Places,
  pids: { readonly workerd: number; readonly node: readonly number[] },
  rounds: number,
  seconds: number,
  progress: (text: string) => void,
): Promise<Rounds> {
  const found = new Map<ContenderName, ContenderRun[]>();
  // Round 0 warms up the compiler, the connections to objects and the cached keys.
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

/** Runs one contender, again if the machine stalled for the whole run, as with a busy disk. */
async function run(
  given: Load,
  processes: readonly number[],
): Promise<{ measured: LoadResult; cpuUs: number }> {
  for (let attempt = 1; ; attempt++) {
    const before = await cpuOf(processes);
    const measured = await load(given);
    if (measured.requests === 0 && attempt < ATTEMPTS) continue;
    return { measured, cpuUs: ((await cpuOf(processes)) - before) / measured.requests };
  }
}

/** A failing contender would be fast, so its figures must not count. @throws if a response is not as expected. */
function assertAnswered(
  name: string,
  { requests, rejected, errors }: LoadResult,
  isDenied: boolean,
  round: number,
): void {
  if (requests === 0) throw new Error(`${name} answered no request`);
  // The very first request of a denied user is allowed.
  const isAsExpected = isDenied ? requests - rejected <= (round === 0 ? 1 : 0) : rejected === 0;
  if (isAsExpected && errors === 0) return;
  throw new Error(`${name}: of ${requests} requests ${rejected} were rejected, ${errors} failed`);
}

async function cpuOf(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(cpuMicros));
  return each.reduce((sum, us) => sum + us, 0);
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, PAUSE_MS));
}
