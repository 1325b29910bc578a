/** All clients send for one user: first 256 clients for a strict one, checked against the model; then more for an unlimited one. */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { Client } from "../client.ts";
import { byProfile } from "../environment.ts";
import { COMMON, onceEach, thresholds } from "../measures.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

/** Of each of the two scenarios. */
const DURATION_MS = byProfile({ short: 10_000, full: 300_000 });
const STRICT_CLIENTS = 256;
/** Virtual users that share the unlimited user. Without a limit, their models need not be combined. */
const GROUPS = 10;
const GROUP = byProfile({ short: 16, full: 64 });

const unlimitedDenied = new Counter("unlimited_denied");

export const options = {
  ...COMMON,
  scenarios: {
    strict: { ...onceEach(1, DURATION_MS), exec: "strict" },
    leased: { ...onceEach(GROUPS, DURATION_MS), exec: "leased", startTime: `${DURATION_MS / 1_000 + 1}s` },
  },
  thresholds: thresholds(1_000, {
    "answer_duration{tier:pro}": ["max<60000"],
    "answer_duration{tier:enterprise}": ["max<60000"],
    decided_by_fallback: ["count==0"],
    decided_by_lease: ["count>0"],
    unlimited_denied: ["count==0"],
  }),
};

export const setup = (): Stage => prepare({ users: ["pro", "enterprise"] });
export const teardown = clear;

export async function strict(stage: Stage): Promise<void> {
  await clientOf(stage, 0).hammer(STRICT_CLIENTS, exec.scenario.startTime + DURATION_MS);
}

export async function leased(stage: Stage): Promise<void> {
  const client = clientOf(stage, 1);
  const endMs = exec.scenario.startTime + DURATION_MS;
  unlimitedDenied.add(0);
  const one = async (): Promise<void> => {
    while (Date.now() < endMs) {
      const { verdict } = await client.ask();
      if (verdict === "denied") unlimitedDenied.add(1);
    }
  };
  await Promise.all(Array.from({ length: GROUP }, one));
}

function clientOf(stage: Stage, index: number): Client {
  const user = stage.users[index];
  if (!user) throw new Error(`setup created no user ${index}`);
  return new Client(user, stage);
}
