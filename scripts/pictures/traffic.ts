/** Traffic for pictures: the demo's, and requests of many users. */
import { join } from "node:path";
import { seedDemoAccounts } from "../demo-accounts.ts";
import { seedTrafficAccounts } from "../demo-traffic/accounts.ts";
import { requestsOf } from "../demo-traffic/plan.ts";
import { PolicyChange } from "../demo-traffic/policy-change.ts";
import { Sender } from "../demo-traffic/sender.ts";
import { ADMIN_TOKEN } from "./dashboard-page.ts";

const TRAFFIC_S = 150;
/** The seconds in which the policy is tightened and restored. */
const HALVED_S = [60, 100] as const;

/** Users of one batch: each makes up to MAX_REQUESTS requests, and a batch has at most a thousand. */
const USERS_AT_ONCE = 100;
const MAX_REQUESTS = 10;
/** Of these tiers in turn. */
const TIERS = ["free", "free", "free", "pro", "enterprise"] as const;

/** Sends the demo traffic. @returns when it started and ended, ISO 8601 in whole seconds. */
export async function demoTraffic(url: URL, directory: string): Promise<{ from: string; to: string }> {
  console.log(`Sending demo traffic for ${TRAFFIC_S} s ...`);
  const sender = await senderTo(url, directory);
  const policy = new PolicyChange(url, ADMIN_TOKEN);
  const { signal } = new AbortController();
  const fromMs = Date.now();
  for (let second = 0; second < TRAFFIC_S; second++) {
    if (second === HALVED_S[0]) await policy.halve();
    if (second === HALVED_S[1]) await policy.restore();
    await sender.second(requestsOf(second, Math.random), signal);
  }
  await sender.finished();
  console.log(`${sender.counts.sent} requests sent, ${sender.counts.denied} denied`);
  const second = (ms: number): string => new Date(Math.floor(ms / 1_000) * 1_000).toISOString();
  return { from: second(fromMs), to: second(Date.now()) };
}

/** Sends the demo's requests until the signal aborts: for the Live screen. */
export async function steadyTraffic(url: URL, directory: string, signal: AbortSignal): Promise<void> {
  const sender = await senderTo(url, directory);
  for (let second = 0; !signal.aborted; second++)
    await sender.second(requestsOf(second, Math.random), signal);
  await sender.finished();
}

async function senderTo(url: URL, directory: string): Promise<Sender> {
  return new Sender(url, await seedTrafficAccounts(url, ADMIN_TOKEN, directory));
}

/** Lets that many users without an account make some requests each, by the batch API. */
export async function manyUsers(url: URL, directory: string, count: number): Promise<void> {
  console.log(`Sending requests of ${count} users ...`);
  const { partner = "" } = await seedDemoAccounts(url, ADMIN_TOKEN, join(directory, "keys.json"));
  for (let first = 0; first < count; first += USERS_AT_ONCE) {
    const users = Array.from({ length: Math.min(USERS_AT_ONCE, count - first) }, (_, i) => first + i + 1);
    const operations = users.flatMap((user) =>
      Array.from({ length: 1 + Math.floor(MAX_REQUESTS * Math.random() ** 4) }, () => ({
        user: `customer-${user}`,
        tier: TIERS[user % TIERS.length],
        route: "/identify",
      })),
    );
    const answer = await fetch(new URL("/api/v1/rate-limit/check/batch", url), {
      method: "POST",
      headers: { "X-API-Key": partner, "Content-Type": "application/json" },
      body: JSON.stringify(operations),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the batch was answered with ${answer.status}: ${text.slice(0, 300)}`);
  }
}
