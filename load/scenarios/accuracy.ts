/**
 * Many clients on each of a few users, far over their limits: strict users get what one exact bucket gives, to the token;
 * a leased user at most burst + rate * (w + 1 s) in every window (docs/consistency.md).
 */
import exec from "k6/execution";
import { Client } from "../client.ts";
import { byProfile } from "../environment.ts";
import { COMMON, onceEach, thresholds } from "../measures.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../report.ts";

const DURATION_MS = byProfile({ short: 15_000, full: 180_000 });
const CLIENTS = 64;
const TIERS = {
  "load-leased": {
    // Small enough to be used up on a slow machine, too, and large enough to be leased of.
    limits: [{ name: "second", kind: "bucket", tokens: 10, per: "second", burst: 200 }],
    mode: "leased",
  },
};
const USERS = ["free", "free", "pro", "load-leased"];

export const options = {
  ...COMMON,
  scenarios: { accuracy: onceEach(USERS.length, DURATION_MS) },
  thresholds: thresholds(500, {
    "denied{tier:free}": ["count>0"],
    "denied{tier:load-leased}": ["count>0"],
    decided_by_lease: ["count>0"],
    decided_by_fallback: ["count==0"],
  }),
};

export const setup = (): Stage => prepare({ users: USERS, tiers: TIERS });
export const teardown = clear;

export default async function accuracy(stage: Stage): Promise<void> {
  const user = stage.users[exec.vu.idInTest - 1];
  if (!user) throw new Error("more virtual users than users");
  await new Client(user, stage).hammer(CLIENTS, Date.now() + DURATION_MS);
}
