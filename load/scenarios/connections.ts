/**
 * 5,000 connections, all open to the end: rounds in which each client asks once, groups of a hundred in one moment, the groups one
 * after the other. That a round opens hardly any new connection shows that the former ones were kept.
 */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { Client, pause } from "../client.ts";
import { byProfile } from "../environment.ts";
import { COMMON, onceEach, thresholds } from "../measures.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../report.ts";

const GROUPS = 52;
const GROUP = 100;
/** From the first requests of one round to those of the next. */
const ROUND_MS = byProfile({ short: 9_000, full: 15_000 });
const ROUNDS = byProfile({ short: 2, full: 20 });

const connections = new Counter("connections");

export const options = {
  ...COMMON,
  scenarios: { connections: onceEach(GROUPS, ROUND_MS * ROUNDS) },
  thresholds: thresholds(1_000, {
    connections: ["count>=5000", `count<${GROUPS * GROUP * 1.5}`],
  }),
};

export const setup = (): Stage => prepare({ users: Array.from({ length: GROUPS }, () => "pro") });
export const teardown = clear;

export default async function hold(stage: Stage): Promise<void> {
  const group = exec.vu.idInTest - 1;
  const user = stage.users[group];
  if (!user) throw new Error("more groups than users");
  const client = new Client(user, stage);
  const beginMs = Date.now() + (group / GROUPS) * ROUND_MS;
  for (let round = 0; round < ROUNDS; round++) {
    await pause(beginMs + round * ROUND_MS - Date.now());
    const answers = await Promise.all(Array.from({ length: GROUP }, () => client.ask()));
    connections.add(answers.filter(({ connected }) => connected).length);
  }
  client.finish();
}
