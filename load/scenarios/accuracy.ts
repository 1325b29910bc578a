/**
 * Many clients for each of a few users, far over their limits. All get what one exact bucket allows: strict users to the token,
 * others but for a second of refill (docs/consistency.md).
 */
import exec from "k6/execution";
import { Client } from "../client.ts";
import { byProfile } from "../environment.ts";
import { COMMON, onceEach, thresholds } from "../measures.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const DURATION_MS = byProfile({ short: 15_000, full: 180_000 });
const CLIENTS = 64;
const TIERS = {
  // As the free tier, but without leases: to the token.
  "load-strict": {
    limits: [{ name: "minute", kind: "bucket", tokens: 100, per: "minute", burst: 150 }],
    mode: "strict",
  },
  "load-leased": {
    // Small enough to use up even on a slow machine, and large enough to be leased.
    limits: [{ name: "second", kind: "bucket", tokens: 10, per: "second", burst: 200 }],
    mode: "leased",
  },
};
const USERS = ["load-strict", "load-strict", "pro", "load-leased"];

export const options = {
  ...COMMON,
  scenarios: { accuracy: onceEach(USERS.length, DURATION_MS) },
  thresholds: thresholds(500, {
    "denied{tier:load-strict}": ["count>0"],
    "denied{tier:load-leased}": ["count>0"],
    decided_by_lease: ["count>0"],
    decided_by_fallback: ["count==0"],
  }),
};

export const setup = (): Stage => prepare({ users: USERS, tiers: TIERS });
export const teardown = clear;

export default async function accuracy(stage: Stage): Promise<void> {
  const user = stage.users[exec.vu.idInTest - 1];
  if (!user) throw new Error("k6 runs more virtual users than setup created users");
  await new Client(user, stage).hammer(CLIENTS, Date.now() + DURATION_MS);
}
