/** Users with full buckets send 20 % more than their burst in one moment: no more than the burst is admitted. */
import exec from "k6/execution";
import { Client, pause } from "../client.ts";
import { byProfile } from "../environment.ts";
import { COMMON, thresholds } from "../measures.ts";
import { limitsOf } from "../model/limits-of.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const TIER = "free";
const USERS_AT_ONCE = byProfile({ short: 4, full: 10 });
const ROUNDS = byProfile({ short: 5, full: 20 });
const EVERY_MS = 4_000;
const EXCESS = 1.2;

export const options = {
  ...COMMON,
  scenarios: {
    burst: { executor: "per-vu-iterations", vus: USERS_AT_ONCE, iterations: ROUNDS, maxDuration: "30m" },
  },
  thresholds: thresholds(3_000, {
    denied: ["count>0"],
    decided_by_fallback: ["count==0"],
  }),
};

export const setup = (): Stage =>
  prepare({ users: Array.from({ length: USERS_AT_ONCE * ROUNDS }, () => TIER) });
export const teardown = clear;

export default async function burst(stage: Stage): Promise<void> {
  const beganMs = Date.now();
  const user = stage.users[(exec.vu.idInTest - 1) * ROUNDS + exec.vu.iterationInScenario];
  if (!user) throw new Error("k6 runs more iterations than setup created users");
  const capacity = Math.max(...limitsOf(stage.policy, TIER).buckets.map((bucket) => bucket.capacity));
  const requests = Math.ceil((capacity * EXCESS) / stage.cost);
  const client = new Client(user, stage);
  await Promise.all(Array.from({ length: requests }, () => client.ask()));
  client.finish();
  await pause(beganMs + EVERY_MS - Date.now());
}
