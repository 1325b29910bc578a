/**
 * What rules add to a pass through the whole gateway in workerd (workers/repeating): three Workers in turn, of the same bundle. In one the step that applies rules
 * is taken out, one has it and a policy without rules, one has a policy with as many rules and networks as there may be. A fourth is the same
 * as the first, which shows by how much equal Workers differ.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PASSES } from "./passes.ts";
import { type Spread, spreadOf } from "./ratios.ts";
import { ruledWorkers } from "./rig-workers.ts";
import { cpuMicros, startRig } from "./rig.ts";
import { fullRules } from "./rule-cost.ts";
import { newUser, putPolicy } from "./setup.ts";
import { load } from "./wrk.ts";

const NAMES = ["taken out", "taken out, again", "no rules", "100 rules"] as const;
type Name = (typeof NAMES)[number];
const ROUNDS = Number(process.env["RULE_ROUNDS"] ?? 15);
const SECONDS = 1;
const CONNECTIONS = 8;
/** Matches none of the rules, each of whose members must be looked up for it. */
const CALLER = {
  "CF-Connecting-IP": "11.7.7.7",
  "User-Agent":
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
};

/** Microseconds of CPU time per pass. */
export interface RuleRounds {
  /** Of a request in the Worker without the step. */
  readonly request: Spread;
  /** What the others take more, round by round. */
  readonly noise: Spread;
  readonly withoutRules: Spread;
  readonly withRules: Spread;
}

/** @param directory for the bundle without the step. */
export async function ruleRounds(directory: string): Promise<RuleRounds> {
  const rig = await startRig(await ruledWorkers((bundled) => withoutStep(bundled, directory)));
  try {
    const headers = new Map<Name, Record<string, string>>();
    for (const name of NAMES) {
      const url = rig.url(workerOf(name));
      await putPolicy(url, name === "100 rules" ? { rules: fullRules() } : {});
      headers.set(name, { ...CALLER, "X-API-Key": await newUser(url, "ruled", "unlimited") });
    }
    const micros = new Map<Name, number[]>(NAMES.map((name) => [name, []]));
    for (let round = 0; round <= ROUNDS; round++) {
      // Forwards and backwards in turn, so that none is always behind the same one.
      for (const name of round % 2 === 0 ? NAMES : NAMES.toReversed()) {
        const before = await cpuMicros(rig.pid);
        const run = {
          url: `${rig.url(workerOf(name))}/identify`,
          connections: CONNECTIONS,
          seconds: SECONDS,
        };
        const { requests, rejected, errors } = await load({ ...run, headers: headers.get(name) ?? {} });
        if (requests === 0 || rejected > 0 || errors > 0)
          throw new Error(`${name}: of ${requests} requests ${rejected} were rejected, ${errors} failed`);
        // Round 0 warms up.
        if (round > 0) micros.get(name)?.push(((await cpuMicros(rig.pid)) - before) / requests / PASSES);
      }
      console.error(`round ${round}/${ROUNDS}`);
    }
    const of = (name: Name): number[] => micros.get(name) ?? [];
    const more = (name: Name, than: Name): Spread =>
      spreadOf(of(name).map((value, round) => value - (of(than)[round] ?? Number.NaN)));
    return {
      request: spreadOf(of("taken out")),
      noise: more("taken out, again", "taken out"),
      withoutRules: more("no rules", "taken out"),
      withRules: more("100 rules", "no rules"),
    };
  } finally {
    await rig.close();
  }
}

function workerOf(name: Name): string {
  return `ruled-${NAMES.indexOf(name)}`;
}

/** The places of the bundle that are about rules, and what they are without them. */
const STEP: readonly (readonly [text: string, without: string])[] = [
  ["policy.rules !== null || services.shields !== null", "false"],
  ["exchange.pendingRules === null ? null : applyCallerRules(exchange, caller)", "null"],
  [
    "exchange.rule === null ? tierOfCaller(caller, policy) : tierByRules(exchange, caller)",
    "tierOfCaller(caller, policy)",
  ],
];

/** Writes the bundle without the step. @returns its path. @throws if the gateway's text has changed. */
async function withoutStep(bundled: string, directory: string): Promise<string> {
  let text = await readFile(bundled, "utf8");
  for (const [place, without] of STEP) {
    if (text.split(place).length !== 2) throw new Error(`correct STEP in bench/rule-rounds.ts: ${place}`);
    text = text.replace(place, without);
  }
  await mkdir(directory, { recursive: true });
  const path = join(directory, "index.js");
  await writeFile(path, text);
  return path;
}
