/** A new user for every request: each is allowed, and its remaining tokens are its burst less one. */
import exec from "k6/execution";
import { Rate } from "k6/metrics";
import { note } from "../client.ts";
import { byProfile } from "../environment.ts";
import { beginCounts, COMMON, thresholds } from "../measures.ts";
import { limitsOf } from "../model/limits-of.ts";
import { check } from "../service.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const TIER = "free";

/** Share of users that began with a full bucket. */
const fresh = new Rate("fresh");

export const options = {
  ...COMMON,
  scenarios: {
    users: {
      executor: "constant-vus",
      vus: byProfile({ short: 16, full: 64 }),
      duration: byProfile({ short: "20s", full: "10m" }),
    },
  },
  thresholds: thresholds(500, {
    fresh: ["rate==1"],
    denied: ["count==0"],
  }),
};

export const setup = (): Stage => prepare({ users: [] });
export const teardown = clear;

export default async function ask(stage: Stage): Promise<void> {
  if (exec.vu.iterationInInstance === 0) beginCounts();
  const user = `${stage.run}-user-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;
  const { durationMs, results } = await check(stage, { user, tier: TIER, cost: 1 });
  const capacity = limitsOf(stage.policy, TIER).buckets[0]?.capacity ?? Infinity;
  for (const { verdict, source, remaining } of results) {
    note(verdict, source, verdict === "unknown", durationMs, TIER);
    fresh.add(verdict === "admitted" && remaining === capacity - 1);
  }
}
