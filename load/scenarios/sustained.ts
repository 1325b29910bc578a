/** Users who have spent their bursts keep sending at 10 % above their rate: they get exactly their rate. */
import exec from "k6/execution";
import { Client, pause } from "../client.ts";
import { byProfile } from "../environment.ts";
import { COMMON, onceEach, thresholds } from "../measures.ts";
import { limitsOf } from "../model/limits-of.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const TIER = "free";
/** Few enough in the short profile that even a busy machine spends their bursts in time. */
const USERS = byProfile({ short: 5, full: 100 });
const DURATION_MS = byProfile({ short: 20_000, full: 600_000 });
const DRAINING_CLIENTS = 8;
const EXCESS = 1.1;

export const options = {
  ...COMMON,
  scenarios: { sustained: onceEach(USERS, DURATION_MS) },
  thresholds: thresholds(500, {
    denied: ["count>0"],
    decided_by_fallback: ["count==0"],
  }),
};

export const setup = (): Stage => prepare({ users: Array.from({ length: USERS }, () => TIER) });
export const teardown = clear;

export default async function sustained(stage: Stage): Promise<void> {
  const endMs = Date.now() + DURATION_MS;
  const user = stage.users[exec.vu.idInTest - 1];
  if (!user) throw new Error("k6 runs more virtual users than setup created users");
  const client = new Client(user, stage);
  let empty = false;
  const drain = async (): Promise<void> => {
    while (!empty && Date.now() < endMs) empty = (await client.ask()).verdict === "denied" || empty;
  };
  await Promise.all(Array.from({ length: DRAINING_CLIENTS }, drain));
  const perMs = Math.min(...limitsOf(stage.policy, TIER).buckets.map((bucket) => bucket.perMs));
  const everyMs = stage.cost / perMs / EXCESS;
  for (let nextMs = Date.now(); nextMs < endMs; nextMs += everyMs) {
    await pause(nextMs - Date.now());
    await client.ask();
  }
  client.finish();
}
