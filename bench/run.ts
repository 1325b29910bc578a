/**
 * `npm run bench`: measures P1 to P12 of docs/performance.md on this machine, in about twelve minutes. `npm run bench:quick`: what is
 * timed, with fewer and shorter rounds, in under two minutes. Prints the tables, and writes them to bench/results/<date>.md and all
 * measurements to <date>.json.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, platform, release, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MAX_CLIENTS, measureAccuracy } from "./accuracy.ts";
import type { Places } from "./contenders.ts";
import { BILLED_CALLERS, type BilledCaller, countOperations } from "./cost.ts";
import { measureGrowth, tryMeasureMemory } from "./growth.ts";
import { measureHops } from "./hops.ts";
import { measureNewcomers } from "./newcomers.ts";
import { assertWrk, stopLoads } from "./wrk.ts";
import { startNodePeer } from "./peers-on-node.ts";
import type { Operations } from "./price.ts";
import { measureRates, RATES } from "./rates.ts";
import type { Results } from "./results.ts";
import { asMarkdown } from "./tables.ts";
import { type Analytics, contenders, countedWorker } from "./rig-workers.ts";
import { startRig, stateRoot } from "./rig.ts";
import { runRounds } from "./rounds.ts";
import { newUser, newUsers, putPolicy } from "./setup.ts";
import { measureSize } from "./size.ts";

const [option] = process.argv.slice(2);
if (option !== undefined && option !== "--quick") {
  console.error(`unknown option "${option}": use npm run bench, or npm run bench:quick for a short run`);
  process.exit(2);
}
const isQuick = option === "--quick";
/** Loads and pauses take 70 s in the quick run and 10 minutes in the full one. Building and starting come on top. */
const LENGTHS = isQuick
  ? {
      manyUsers: 200,
      rounds: 1,
      seconds: 1,
      accuracySeconds: 1,
      countSeconds: 1,
      startRounds: 1,
    }
  : {
      manyUsers: 1_000,
      rounds: 5,
      seconds: 2,
      accuracySeconds: 3,
      countSeconds: 3,
      startRounds: 5,
    };
/** Skipped in the quick run. */
const GROWTH = { rounds: 3, seconds: 2, memorySeconds: 3 };
const ACCURACY_ROUNDS = 1;
const QUICK_CALLERS = BILLED_CALLERS.filter(({ name }) => name === "strict" || name === "auto");
const HOP_SECONDS = 10;
const HOT_USERS_MS = 180_000;
const MAX_MINUTES = isQuick ? 6 : 20;
const ROOT = join(import.meta.dirname, "..");
const RESULTS = join(ROOT, "bench", "results");

const closing: (() => Promise<void>)[] = [];
let isStopping = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void stop(130));
}

// Ends the run even if something hangs.
setTimeout(() => {
  console.error(
    `The benchmark did not finish within ${MAX_MINUTES} minutes: run it again on an idle machine.`,
  );
  void stop(1);
}, MAX_MINUTES * 60_000);
try {
  await main();
  await stop(0);
} catch (thrown) {
  if (!isStopping) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    await stop(1);
  }
}

async function main(): Promise<void> {
  assertWrk();
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-bench-users-"));
  closing.push(() => rm(directory, { recursive: true, force: true }));
  progress("building and starting ...");
  await assertFiles(LENGTHS.manyUsers);
  const node = await startNodePeer();
  if (node) closing.push(node.close);
  else
    progress(
      "redis-server is not installed: rate-limiter-flexible is SKIPPED (apt-get install redis-server)",
    );
  const built = commit();
  const workers = await contenders();
  // Built now, so that all bundles are of the same sources.
  await countedWorker("embedded");
  const rig = await startRig(workers);
  closing.push(rig.close);
  const keyFile = join(directory, "keys");
  for (const worker of ["ours", "product"]) await putPolicy(rig.url(worker));
  const tiers = ["strict", "auto", "unlimited", "denied"] as const;
  const ours = rig.url("ours");
  const [strict, auto, unlimited, denied] = await Promise.all(
    tiers.map((tier) => newUser(ours, `one-${tier}`, tier)),
  );
  if (!strict || !auto || !unlimited || !denied) throw new Error("the admin API returned no keys");
  await newUsers(ours, LENGTHS.manyUsers, "auto", keyFile);
  const places: Places = {
    url: rig.url,
    keys: { strict, auto, unlimited, denied },
    productKey: await newUser(rig.url("product"), "one-auto", "auto"),
    many: { count: LENGTHS.manyUsers, file: keyFile },
    node,
  };
  const pids = { workerd: rig.pid, node: node?.pids ?? [] };
  // First, while few objects are awake: its clients take most of the open files.
  const accuracy = await measureAccuracy(places, ACCURACY_ROUNDS, LENGTHS.accuracySeconds, isQuick, progress);
  const rounds = await runRounds(places, pids, LENGTHS.rounds, LENGTHS.seconds, progress);
  const growth = isQuick ? [] : await measureGrowth(places, GROWTH.rounds, GROWTH.seconds, progress);
  const newcomers = isQuick ? null : await measureNewcomers(places, rig.pid, GROWTH.rounds, progress);
  if (rig.messages() > 0) progress(`workerd and its Workers logged ${rig.messages()} messages`);
  // The rest is counted or timed on its own.
  await rig.close();
  const results: Results = {
    date: new Date().toISOString(),
    commit: built,
    machine: `${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${platform()} ${release()}, load ${loadavg()[0]?.toFixed(1)}, storage ${(await stateRoot()).isMemory ? "in memory" : "on disk"}`,
    command: isQuick ? "npm run bench:quick" : "npm run bench",
    manyUsers: LENGTHS.manyUsers,
    rounds,
    accuracy,
    growth,
    newcomers,
    rates: isQuick ? [] : await orElse([], "rates", () => measureRates([...RATES.keys()], true, progress)),
    cost: new Map([
      ["embedded", await count("embedded")],
      ["engine", isQuick ? new Map() : await count("engine")],
    ]),
    hops: isQuick ? [] : await orElse([], "hops", () => measureHops(HOP_SECONDS, progress)),
    memory: isQuick ? [] : await tryMeasureMemory(GROWTH.memorySeconds, progress),
    size: await measureSize(LENGTHS.startRounds, directory),
    hotUsers: isQuick ? null : await orElse(null, "hot users", hotUsers),
  };
  const name = `${results.date.slice(0, 19).replaceAll(":", "")}${isQuick ? "-quick" : ""}`;
  const markdown = asMarkdown(results);
  await mkdir(RESULTS, { recursive: true });
  await writeFile(join(RESULTS, `${name}.json`), `${JSON.stringify(results, plain, 1)}\n`);
  await writeFile(join(RESULTS, `${name}.md`), `${markdown}\n`);
  console.log(markdown);
  progress(`written to bench/results/${name}.json`);
}

function count(analytics: Analytics): Promise<ReadonlyMap<BilledCaller["name"], Operations>> {
  return countOperations(analytics, LENGTHS.countSeconds, progress, isQuick ? QUICK_CALLERS : BILLED_CALLERS);
}

/** The last parts of a run are missing from its tables if they fail, rather than all that was measured before. */
async function orElse<T>(missing: T, what: string, measure: () => Promise<T>): Promise<T> {
  try {
    return await measure();
  } catch (thrown) {
    progress(`NOT MEASURED: ${what}: ${String(thrown)}`);
    return missing;
  }
}

/** P12 is a simulation of its own. Its last lines are for who reads it alone. */
async function hotUsers(): Promise<string> {
  progress("simulating a hot user over many isolates ...");
  const script = join(import.meta.dirname, "hot-users.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: HOT_USERS_MS });
  return stdout.trim();
}

/**
 * workerd has six open files for each awake object, and up to twice as many users are awake at the same time; and two for each client of
 * the measurement of accuracy, which begins when the objects of the users that were just created sleep again.
 */
async function assertFiles(users: number): Promise<void> {
  const limits = await readFile("/proc/self/limits", "utf8");
  const files = Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? Number.NaN);
  const required = Math.max(users * 12, MAX_CLIENTS * 3) + 1_000;
  if (files < required) {
    throw new Error(`the limit of ${files} open files is too low: run ulimit -n ${required} first`);
  }
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  try {
    return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "src", "durable-objects") ? " with changes" : ""}`;
  } catch {
    return "unknown";
  }
}

function progress(text: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

/** Stops everything that was started, even in the middle of a run, and exits. */
async function stop(code: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  stopLoads();
  for (const close of closing.toReversed()) await close();
  process.exit(code);
}
