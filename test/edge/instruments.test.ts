/** What the policy and key stores count while KV answers, holds garbage and fails. The clock is an argument. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import defaultPolicy from "../../policy/default.json";
import { countKeys, countPolicies, countReloads } from "../../src/analytics/metrics/instruments.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import { MetricStore } from "../../src/analytics/metrics/metric-store.ts";
import { hashApiKey } from "../../src/identity/api-key.ts";
import { keyRecordKey, KeyStore } from "../../src/identity/key-store.ts";
import { CURRENT_KEY, documentKey, PolicyStore } from "../../src/policy/policy-store.ts";
import { kvWith } from "../fixtures/edge-bindings.ts";

const NOW_MS = 1_900_000_000_000;
const KEY = "el_test_F7EiAOHGSMcn0z3Ma9quqDETMHbrE62ASF45";
const log = () => {};
const fail = () => {
  throw new Error("KV is down");
};

function counted(metrics: MetricDeltas): string[] {
  const store = new MetricStore();
  store.apply(metrics.take(), "a", NOW_MS);
  return store
    .render(NOW_MS)
    .split("\n")
    .filter((line) => /^edge_limiter_(cache|policy)_/.test(line));
}

beforeEach(async () => {
  await reset();
});

it("key lookups are counted as hit, miss, stale or failed", async () => {
  const metrics = new MetricDeltas();
  let before: () => unknown = () => undefined;
  const store = new KeyStore(
    kvWith(() => before()),
    log,
    countKeys(metrics),
  );
  const record = { keyId: "k1", user: "ada", scopes: ["call"], expiresAt: null, version: 1 };
  await env.CONFIG.put(keyRecordKey(await hashApiKey(KEY)), JSON.stringify(record));
  for (const ms of [0, 1, 2]) await store.find(KEY, NOW_MS + ms);
  before = fail;
  await store.find(KEY, NOW_MS + 60_000);
  await store.find(KEY.replace("F7", "F8"), NOW_MS);
  expect(counted(metrics)).toEqual([
    'edge_limiter_cache_total{cache="keys",result="hit"} 2',
    'edge_limiter_cache_total{cache="keys",result="miss"} 1',
    'edge_limiter_cache_total{cache="keys",result="stale"} 1',
    'edge_limiter_cache_total{cache="keys",result="failed"} 1',
  ]);
});

it("policy reloads are counted by result, with the seconds for which the latest policy has not been in force", async () => {
  const metrics = new MetricDeltas();
  let before: () => unknown = () => undefined;
  const store = new PolicyStore(
    kvWith(() => before()),
    log,
    null,
    countReloads(metrics),
  );
  const at = async (ms: number) => {
    await store.refresh(NOW_MS + ms);
    return counted(metrics);
  };
  const publish = async (revision: number, document: unknown) => {
    await env.CONFIG.put(documentKey(revision), JSON.stringify(document));
    await env.CONFIG.put(CURRENT_KEY, JSON.stringify({ revision, activatedAt: "2026-11-21T00:00:00Z" }));
  };
  const series = (result: string, revision: number, stale: number) => [
    `edge_limiter_policy_revision ${revision}`,
    `edge_limiter_policy_reload_total{result="${result}"} 1`,
    `edge_limiter_policy_stale_seconds ${stale}`,
  ];
  await publish(1, defaultPolicy);
  expect(await at(0)).toEqual(series("loaded", 1, 0));
  expect(await at(10_000)).toEqual(series("unchanged", 1, 0));
  await publish(2, { schema: 1, tiers: "none" });
  expect(await at(20_000)).toEqual(series("refused", 1, 0));
  before = fail;
  expect(await at(50_000)).toEqual(series("failed", 1, 30));
  before = () => undefined;
  await publish(3, defaultPolicy);
  expect(await at(60_000)).toEqual(series("loaded", 3, 0));
});

it("policy lookups are counted as hits if answered from memory, even during a refresh, and as misses after a KV read", async () => {
  const metrics = new MetricDeltas();
  const store = new PolicyStore(env.CONFIG, log, null, undefined, countPolicies(metrics));
  const background: Promise<unknown>[] = [];
  for (const ms of [0, 19_999, 20_000, 60_000])
    await store.current(NOW_MS + ms, (work) => background.push(work));
  expect(background).toHaveLength(1);
  await Promise.all(background);
  expect(counted(metrics)).toEqual([
    'edge_limiter_cache_total{cache="policy",result="hit"} 2',
    'edge_limiter_cache_total{cache="policy",result="miss"} 2',
  ]);
});
