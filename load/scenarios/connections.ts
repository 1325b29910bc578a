/**
 * 5,000 connections that stay open to the end. In each round every client sends one request: a hundred clients of a group in
 * one moment, group after group. Few new connections per round show that the earlier ones were kept.
 */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { Client, pause } from "../client.ts";
import { byProfile } from "../environment.ts";
import { COMMON, onceEach, thresholds } from "../measures.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const GROUPS = 52;
const GROUP = 100;
/** Time between the starts of two rounds. */
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
  if (!user) throw new Error("k6 runs more virtual users than setup created users");
  const client = new Client(user, stage);
  const beginMs = Date.now() + (group / GROUPS) * ROUND_MS;
  for (let round = 0; round < ROUNDS; round++) {
    await pause(beginMs + round * ROUND_MS - Date.now());
    const answers = await Promise.all(Array.from({ length: GROUP }, () => client.ask()));
    connections.add(answers.filter(({ connected }) => connected).length);
  }
  client.finish();
}
