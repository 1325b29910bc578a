/** A few users, far over their limits, keep sending: they are denied at once, nearly always without calling their objects. */
import exec from "k6/execution";
import { Client } from "../client.ts";
import { byProfile } from "../environment.ts";
import { COMMON, onceEach, thresholds } from "../measures.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const USERS = 4;
const CLIENTS = byProfile({ short: 16, full: 64 });
const DURATION_MS = byProfile({ short: 20_000, full: 300_000 });

export const options = {
  ...COMMON,
  scenarios: { flood: onceEach(USERS, DURATION_MS) },
  thresholds: thresholds(250, {
    decided_by_deny_cache: ["count>1000"],
    decided_by_fallback: ["count==0"],
  }),
};

export const setup = (): Stage => prepare({ users: Array.from({ length: USERS }, () => "free") });
export const teardown = clear;

export default async function flood(stage: Stage): Promise<void> {
  const user = stage.users[exec.vu.idInTest - 1];
  if (!user) throw new Error("k6 runs more virtual users than setup created users");
  await new Client(user, stage).hammer(CLIENTS, Date.now() + DURATION_MS);
}
