/**
 * `npm run bench:steps`: the CPU time of each step of a decision in microseconds, from a profile of the limiter under load in front
 * of a handler without an upstream. Prints the table of docs/performance.md.
 *
 * Each sample counts for the innermost function on its stack that belongs to a step. Samples without JavaScript on the stack count
 * for the runtime: HTTP, promises, copied headers.
 *
 * `npm run bench:steps -- rules` measures instead what rules add to a request: their matching alone (rule-cost.ts), and to a pass through
 * the whole gateway (rule-rounds.ts). Fails above MAX_RULE_MICROS, and if a policy without rules pays anything.
 */
import { join } from "node:path";
import { assertWrk, load, stopLoads } from "./wrk.ts";
import { inspect, type Profile } from "./inspector.ts";
import { cpuMicros, startRig } from "./rig.ts";
import { profiledWorkers } from "./rig-workers.ts";
import { type Spread } from "./ratios.ts";
import { ruleCost } from "./rule-cost.ts";
import { ruleRounds } from "./rule-rounds.ts";
import { newUser, putPolicy } from "./setup.ts";

const SECONDS = 8;
const CONNECTIONS = 64;
/**
 * One user of each tier is profiled. `unlimited` has no limits, `auto` has two; `denied` is over its only limit. The last is of `auto`, in front of
 * another Worker.
 */
const COLUMNS = [
  { title: "unlimited", tier: "unlimited", worker: "profiled" },
  { title: "auto", tier: "auto", worker: "profiled" },
  { title: "denied", tier: "denied", worker: "profiled" },
  { title: "strict", tier: "strict", worker: "profiled" },
  { title: "auto, forwarding", tier: "auto", worker: "forwarding" },
] as const;

/** The functions of each step. The bundler may append a number to distinguish functions of the same name. */
const STEPS: Readonly<Record<string, readonly string[]>> = {
  "Hono: context, dispatch, the handler's answer": ["#dispatch", "Context", "getPath", "text"],
  "route: path and match": ["canonicalPath", "pathToMatch", "pathnameOf", "isReserved", "match"],
  "caller: key or address": ["authenticate", "byKey", "known"],
  "decision at the edge: lease, denial": [
    "limited",
    "decide",
    "find",
    "spend",
    "decision",
    "denied",
    "repeated",
  ],
  "call to the object: combined, sent": [
    "ask",
    "#ask",
    "#sendQueue",
    "#sendOthers",
    "#send",
    "#call",
    "call",
    "withDeadline",
    "pause",
    "compactQuestions",
    "expandAnswers",
    "answersTo",
  ],
  "the object's turn": [
    "serve",
    "#answer",
    "#turn",
    "takeTurn",
    "change",
    "writeState",
    "lend",
    "settle",
    "#checkpoint",
  ],
  "forwarding: the request's headers": ["forwardedHeaders"],
  "timers: deadlines and waits": ["restart", "setTimeout", "clearTimeout"],
  "forwarding: the response's headers": ["passBack"],
  "forwarding: fetch": ["fetch"],
  "forwarding: the rest": ["forwardRequest", "inSpan", "sendTo", "forward"],
  "limit headers": ["limitTexts", "setLimitTexts", "setHeaders", "withLimits"],
  "denial (429)": ["rejection", "denial"],
  "point: created and queued": ["recordRequest", "pointOf", "placeOf", "record", "add"],
  "points: sent in batches": ["#flush", "#publish", "#take", "countPoint"],
  "hub: counted and stored": ["insert", "#insert", "#write", "apply", "load", "#load", "#save", "show"],
};
const OTHER = "the rest of the gateway";
const RUNTIME = "runtime without JavaScript: HTTP, promises";
const COLLECTOR = "garbage collector";

/** 5,000 networks and 100 rules add at most so much to a request. */
const MAX_RULE_MICROS = 3;
/** A policy without rules pays nothing: less than can be measured. */
const MAX_NO_RULE_MICROS = 0.5;
/** Where the bundle without the step is written. */
const UNRULED = join(import.meta.dirname, "..", "dist", "bench", "unruled");

async function main(): Promise<void> {
  assertWrk();
  if (process.argv[2] === "rules") return rules();
  const rig = await startRig(await profiledWorkers(), { inspect: true });
  try {
    if (!rig.inspector) throw new Error("the rig was started without an inspector");
    const columns = new Map<string, Map<string, number>>();
    const seen = new Set<string>();
    for (const { title, tier, worker } of COLUMNS) {
      const url = rig.url(worker);
      await putPolicy(url);
      const inspector = await inspect(rig.inspector, worker);
      const headers = { "X-API-Key": await newUser(url, `steps-${tier}`, tier) };
      console.error(`profiling ${title} for ${SECONDS} s ...`);
      const run = { url: `${url}/identify`, connections: CONNECTIONS, headers };
      await load({ ...run, seconds: 2 });
      const before = await cpuMicros(rig.pid);
      let requests = 0;
      const profile = await inspector.profile(async () => {
        ({ requests } = await load({ ...run, seconds: SECONDS }));
      });
      inspector.close();
      const micros = ((await cpuMicros(rig.pid)) - before) / requests;
      console.error(`${title}: ${requests} requests, ${micros.toFixed(1)} us each`);
      columns.set(title, stepsOf(profile, micros));
      for (const { callFrame } of profile.nodes) seen.add(plainName(callFrame.functionName));
    }
    print(columns);
    warnOfUnseen(seen);
  } finally {
    await rig.close();
  }
}

/** Distributes the CPU time of a request over the steps of a profile. */
function stepsOf({ nodes, samples, timeDeltas }: Profile, microsPerRequest: number): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const stepOf = new Map<string, string>();
  for (const [step, names] of Object.entries(STEPS)) for (const name of names) stepOf.set(name, step);
  const microsOf = new Map<string, number>();
  let busyMicros = 0;
  samples.forEach((sample, i) => {
    const micros = timeDeltas[i] ?? 0;
    const leaf = byId.get(sample)?.callFrame.functionName ?? "";
    if (leaf === "(idle)") return;
    busyMicros += micros;
    let step = leaf === "(garbage collector)" ? COLLECTOR : RUNTIME;
    for (let id: number | undefined = sample; id !== undefined && step === RUNTIME; id = parents.get(id)) {
      const frame = byId.get(id)?.callFrame;
      const named = stepOf.get(plainName(frame?.functionName ?? ""));
      if (named) step = named;
      else if (frame?.url && !parents.has(parents.get(id) ?? -1)) step = OTHER;
    }
    microsOf.set(step, (microsOf.get(step) ?? 0) + micros);
  });
  return new Map([...microsOf].map(([step, micros]) => [step, (micros / busyMicros) * microsPerRequest]));
}

/** The function's name in the source, without the number that the bundler may append. */
function plainName(functionName: string): string {
  return functionName.replace(/\d+$/, "");
}

/** A function that was renamed in the product would silently count for another step. */
function warnOfUnseen(seen: ReadonlySet<string>): void {
  const unseen = Object.values(STEPS)
    .flat()
    .filter((name) => !seen.has(name));
  if (unseen.length === 0) return;
  console.error(
    `In no profile: ${unseen.join(", ")}. If a function was renamed, correct STEPS in bench/steps.ts.`,
  );
}

function print(columns: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
  const row = (...cells: readonly string[]): void => console.log(`| ${cells.join(" | ")} |`);
  row("step, us per request", ...columns.keys());
  row("---", ...[...columns.keys()].map(() => "---"));
  for (const step of [...Object.keys(STEPS), OTHER, COLLECTOR, RUNTIME]) {
    const cells = [...columns.values()].map((steps) => steps.get(step) ?? 0);
    row(step, ...cells.map((cell) => (cell < 0.05 ? "" : cell.toFixed(1))));
  }
  const sums = [...columns.values()].map((steps) => [...steps.values()].reduce((sum, cell) => sum + cell, 0));
  row("total", ...sums.map((sum) => sum.toFixed(1)));
}

/** Fails only by the rounds that others disturbed least, so that a busy machine does not matter. */
async function rules(): Promise<void> {
  const matching = ruleCost();
  const { request, noise, withoutRules, withRules } = await ruleRounds(UNRULED);
  const micros = ({ median, min, max }: Spread): string =>
    `${median.toFixed(2)} us (${min.toFixed(2)} to ${max.toFixed(2)})`;
  console.log(`matching 100 rules with 5,000 networks, in Node:            ${micros(matching)}`);
  console.log(`a pass through the gateway without the step:                ${micros(request)}`);
  console.log(`another Worker without the step takes more:                 ${micros(noise)}`);
  console.log(`with the step, but no rules in the policy, it takes more:   ${micros(withoutRules)}`);
  console.log(`100 rules with 5,000 networks add to that:                  ${micros(withRules)}`);
  const isOver = matching.min > MAX_RULE_MICROS || withRules.min > MAX_RULE_MICROS;
  if (isOver || withoutRules.min > MAX_NO_RULE_MICROS) process.exitCode = 1;
}

process.once("SIGINT", stopLoads);
await main();
