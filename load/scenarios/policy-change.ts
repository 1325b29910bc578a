/**
 * A tier's limit goes up and down every two seconds under load. No user gets an error or more than the larger limit allows,
 * and every request sent after a change is decided by the new limit.
 */
import http from "k6/http";
import { Counter } from "k6/metrics";
import { Client, pause } from "../client.ts";
import { BASE_URL, byProfile } from "../environment.ts";
import { COMMON, errors, onceEach, thresholds } from "../measures.ts";
import { limitsOf } from "../model/limits-of.ts";
import { clear, policyPut, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const DURATION_MS = byProfile({ short: 20_000, full: 300_000 });
const EVERY_MS = 2_000;
const USERS = 4;
const CLIENTS = 4;
/** Between two requests of a client, since the scenario tests the changes, not the throughput. */
const THINK_MS = 20;
const TIER = "load-change";
/** Small enough to use up even on a slow machine. */
const SMALL_BURST = 20;
const LARGE_BURST = 40;
const SMALL = { limits: [{ name: "second", kind: "bucket", tokens: 10, per: "second", burst: SMALL_BURST }] };
const LARGE = { limits: [{ name: "second", kind: "bucket", tokens: 20, per: "second", burst: LARGE_BURST }] };
/** Whether changes take effect at once. Elsewhere they take as long as KV (docs/consistency.md), so they are not checked. */
const IS_LOCAL = /^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(`${BASE_URL}/`);

const changes = new Counter("policy_changes");
/** Decisions by a limit that was no longer in force when the request was sent, or never was. */
const stale = new Counter("stale_decisions");

export const options = {
  ...COMMON,
  scenarios: { change: onceEach(1, DURATION_MS) },
  thresholds: thresholds(500, {
    policy_changes: ["count>5"],
    stale_decisions: ["count==0"],
    denied: ["count>0"],
  }),
};

export const setup = (): Stage =>
  prepare({ users: Array.from({ length: USERS }, () => TIER), tiers: { [TIER]: LARGE } });
export const teardown = clear;

export default async function change(stage: Stage): Promise<void> {
  stale.add(0);
  const endMs = Date.now() + DURATION_MS;
  /** The burst in force since `sinceMs`; 0 during a change, when it may be either. */
  let inForce = { burst: LARGE_BURST, sinceMs: 0 };

  const changer = async (): Promise<void> => {
    for (let burst = SMALL_BURST; Date.now() + EVERY_MS < endMs; burst = SMALL_BURST + LARGE_BURST - burst) {
      await pause(EVERY_MS);
      inForce = { burst: 0, sinceMs: Date.now() };
      const { url, body, headers } = policyPut(withTier(stage.policy, burst === SMALL_BURST ? SMALL : LARGE));
      const response = await http.asyncRequest("PUT", url, body, { headers, tags: { name: "policy" } });
      errors.add(response.status !== 200);
      if (response.status !== 200) continue;
      changes.add(1);
      inForce = { burst, sinceMs: Date.now() };
    }
  };
  const asker = async (client: Client): Promise<void> => {
    while (Date.now() < endMs) {
      const before = inForce;
      const { verdict, headers } = await client.ask();
      const burst = Number(/"second";q=(\d+)/.exec(headers["Ratelimit-Policy"] ?? "")?.[1]);
      const isKnown = burst === SMALL_BURST || burst === LARGE_BURST;
      const isStable = IS_LOCAL && before === inForce && before.burst !== 0;
      if (verdict !== "unknown" && (!isKnown || (isStable && burst !== before.burst))) stale.add(1);
      await pause(THINK_MS);
    }
  };
  const clients = stage.users.map((user) => new Client(user, stage, limitsOf(stage.policy, TIER)));
  await Promise.all([
    changer(),
    ...clients.flatMap((client) => Array.from({ length: CLIENTS }, () => asker(client))),
  ]);
}

function withTier(policy: unknown, tier: unknown): unknown {
  if (typeof policy !== "object" || policy === null || !("tiers" in policy))
    throw new Error("the policy has no tiers");
  if (typeof policy.tiers !== "object") throw new Error("the policy's tiers are not an object");
  return { ...policy, tiers: { ...policy.tiers, [TIER]: tier } };
}
