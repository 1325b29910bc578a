/**
 * `npm run bench`: P1 to P10 of docs/performance.md, side by side on this machine. `npm run bench:quick`: the same with fewer and
 * shorter rounds, in under two minutes. Writes bench/results/<date>.json and prints the tables.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Places } from "./contenders.ts";
import { MANY } from "./contenders.ts";
import { assertWrk, stopLoads } from "./load.ts";
import { startNodePeer } from "./peers-on-node.ts";
import { contenders } from "./rig-workers.ts";
import { startRig } from "./rig.ts";
import { runRounds } from "./rounds.ts";
import { newUser, newUsers, putPolicy } from "./setup.ts";

const isQuick = process.argv.includes("--quick");
const ROUNDS = isQuick ? 2 : 5;
const SECONDS = isQuick ? 1 : 3;

const closing: (() => Promise<void>)[] = [];
let isStopping = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void stop(130));
}

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
  progress("building and starting");
  const node = await startNodePeer();
  if (node) closing.push(node.close);
  else
    progress(
      "redis-server is not installed: rate-limiter-flexible is SKIPPED (apt-get install redis-server)",
    );
  const rig = await startRig(await contenders());
  closing.push(rig.close);
  const keyFile = join(directory, "keys");
  for (const worker of ["ours", "product"]) await putPolicy(rig.url(worker));
  const tiers = ["strict", "leased", "unlimited", "denied"] as const;
  const ours = rig.url("ours");
  const [strict, leased, unlimited, denied] = await Promise.all(
    tiers.map((tier) => newUser(ours, `one-${tier}`, tier)),
  );
  if (!strict || !leased || !unlimited || !denied) throw new Error("no keys");
  await newUsers(ours, MANY, "strict", keyFile);
  const places: Places = {
    url: rig.url,
    keys: { strict, leased, unlimited, denied },
    productKey: await newUser(rig.url("product"), "one-leased", "leased"),
    keyFile,
    node,
  };
  await runRounds(places, { workerd: rig.pid, node: node?.pids ?? [] }, ROUNDS, SECONDS, progress);
}

function progress(text: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

/** Ends all that was started, also in the middle of a run. */
async function stop(code: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  stopLoads();
  for (const close of closing.toReversed()) await close();
  process.exit(code);
}
