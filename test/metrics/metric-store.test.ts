import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countPoint } from "../../src/analytics/metrics/count-point.ts";
import { FAMILIES, FAMILY_IDS, familyOf, WINDOW_MS } from "../../src/analytics/metrics/families.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import { MetricStore } from "../../src/analytics/metrics/metric-store.ts";
import type { PointOutcome } from "../../src/analytics/point.ts";
import { readExposition, valueOf } from "./exposition-reader.ts";
import { point } from "./points.ts";
import { HAS_PROMTOOL, promtool } from "./promtool.ts";

const NOW = 1_763_690_000_000;

/** Applies what one isolate counted to a store. */
function storeWith(
  count: (deltas: MetricDeltas) => void,
  isolate = "a",
  atMs = NOW,
  store = new MetricStore(),
) {
  const deltas = new MetricDeltas();
  count(deltas);
  store.apply(deltas.take(), isolate, atMs);
  return store;
}

/** A store restored from a snapshot, as after a restart of the hub. */
function restarted(store: MetricStore, nowMs = NOW): MetricStore {
  const next = new MetricStore();
  expect(next.load(JSON.parse(JSON.stringify(store.dump(nowMs))), nowMs)).toBe(true);
  return next;
}

describe("a point", () => {
  test("counts its requests, its cost and its latencies once", () => {
    const text = storeWith((deltas) => {
      countPoint(deltas, point());
      countPoint(deltas, point({ requests: 4, cost: 0.4, source: "lease", limiterMs: 0 }));
      countPoint(deltas, point({ outcome: "denied", reason: "minute", upstreamStatus: "none" }));
    }).render(NOW);
    expect(valueOf(text, "edge_limiter_requests_total", { source: "strict", outcome: "allowed" })).toBe(1);
    expect(valueOf(text, "edge_limiter_requests_total", { source: "lease" })).toBe(4);
    expect(valueOf(text, "edge_limiter_requests_total", { outcome: "denied", reason: "minute" })).toBe(1);
    expect(valueOf(text, "edge_limiter_cost_total", { route: "demo", tier: "free" })).toBe(1.4);
    expect(valueOf(text, "edge_limiter_decision_seconds_count", { source: "strict" })).toBe(2);
    expect(valueOf(text, "edge_limiter_decision_seconds_sum", { source: "strict" })).toBe(0.004);
    expect(valueOf(text, "edge_limiter_upstream_seconds_count", { route: "demo" })).toBe(5);
  });

  test("counts as denied only if a limit denied it, as in reports", () => {
    const rejected = [
      ["minute", "strict"],
      ["blocked", "strict"],
      ["revoked", "deny-cache"],
      ["overloaded", "none"],
      ["idempotency_mismatch", "strict"],
      ["not_found", "none"],
    ] as const;
    const text = storeWith((deltas) => {
      for (const [reason, source] of rejected)
        countPoint(deltas, point({ outcome: "denied", reason, source }));
    }).render(NOW);
    const outcomeOf = (reason: string) =>
      ["denied", "turned_away"].filter((outcome) => text.includes(`outcome="${outcome}",reason="${reason}"`));
    expect(rejected.map(([reason]) => outcomeOf(reason))).toEqual([
      ["denied"],
      ["turned_away"],
      ["turned_away"],
      ["turned_away"],
      ["turned_away"],
      ["turned_away"],
    ]);
  });

  test("is charged if an upstream failed, but not if a limit denied it or the limiter was down", () => {
    const cost = (outcome: PointOutcome, reason: string) =>
      storeWith((deltas) => countPoint(deltas, point({ outcome, reason }))).total("cost");
    expect(cost("error", "upstream_timeout")).toBe(1);
    expect(cost("denied", "minute")).toBe(0);
    expect(cost("error", "temporary_reduced_capacity")).toBe(0);
  });

  test("without a decision counts no latency, and without an account no user", () => {
    const text = storeWith((deltas) =>
      countPoint(deltas, point({ source: "none", account: "", upstreamStatus: "none" })),
    ).render(NOW);
    expect(text).not.toContain("edge_limiter_decision_seconds");
    expect(valueOf(text, "edge_limiter_active_users")).toBe(0);
  });

  test("sums costs of a thousandth exactly", () => {
    const store = storeWith((deltas) => {
      for (let i = 0; i < 10_000; i++) countPoint(deltas, point({ cost: 0.001 }));
    });
    expect(valueOf(store.render(NOW), "edge_limiter_cost_total")).toBe(10);
  });

  test.each([NaN, Infinity, -1])("with the number %d corrupts no sum", (bad) => {
    const store = storeWith((deltas) => {
      countPoint(deltas, point());
      countPoint(deltas, point({ cost: bad, limiterMs: bad, upstreamMs: bad, remainingFraction: bad }));
      countPoint(deltas, point({ requests: bad }));
    });
    expect(store.total("requests")).toBe(2);
    expect(store.total("cost")).toBe(1);
  });
});

test("a latency equal to a bucket's bound counts in that bucket, one above all bounds only in the last", () => {
  const { buckets } = FAMILIES.decisionSeconds;
  const text = storeWith((deltas) => {
    deltas.observe("decisionSeconds", ["strict"], buckets[2]);
    deltas.observe("decisionSeconds", ["strict"], 1_000);
  }).render(NOW);
  const upTo = (le: string) => valueOf(text, "edge_limiter_decision_seconds_bucket", { le });
  expect([upTo(String(buckets[1])), upTo(String(buckets[2])), upTo("2.5"), upTo("+Inf")]).toEqual([
    0, 1, 1, 2,
  ]);
});

describe("counters", () => {
  test("never decrease and lose nothing, whichever isolates end and however often the hub restarts", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("count"), isolate: fc.nat(3), amount: fc.nat(1_000) }),
      fc.record({ kind: fc.constant("flush"), isolate: fc.nat(3) }),
      fc.record({ kind: fc.constant("lose the answer"), isolate: fc.nat(3) }),
      fc.record({ kind: fc.constant("restart") }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let store = new MetricStore();
        let [shown, counted] = [0, 0];
        const isolates = Array.from({ length: 4 }, () => new MetricDeltas());
        for (const { kind, isolate = 0, amount = 0 } of steps as {
          kind: string;
          isolate?: number;
          amount?: number;
        }[]) {
          const deltas = isolates[isolate]!;
          if (kind === "count") {
            deltas.add("requests", ["r", "t", "allowed", "ok", "strict"], amount);
            counted += amount;
          } else if (kind === "flush") store.apply(deltas.take(), String(isolate), NOW);
          else if (kind === "lose the answer") deltas.giveBack(deltas.take() ?? []);
          else store = restarted(store);
          const now = valueOf(store.render(NOW), "edge_limiter_requests_total") ?? 0;
          expect(now).toBeGreaterThanOrEqual(shown);
          shown = now;
        }
        isolates.forEach((deltas, i) => store.apply(deltas.take(), String(i), NOW));
        expect(store.total("requests")).toBe(counted);
      }),
      { numRuns: 200 },
    );
  });

  test("of several hubs add up, histograms too", () => {
    const all = new MetricStore();
    for (const isolate of ["a", "b", "c"]) {
      const shard = storeWith((deltas) => countPoint(deltas, point({ account: `user:${isolate}` })), isolate);
      all.load(shard.dump(NOW), NOW);
    }
    const text = all.render(NOW);
    expect(valueOf(text, "edge_limiter_requests_total")).toBe(3);
    expect(valueOf(text, "edge_limiter_decision_seconds_count")).toBe(3);
    expect(valueOf(text, "edge_limiter_active_users")).toBe(3);
  });

  test("created in advance count into the series of their labels", () => {
    const deltas = new MetricDeltas();
    const hit = deltas.counter("cache", ["keys", "hit"]);
    hit.add();
    deltas.counter("cache", ["keys", "hit"]).add(2);
    deltas.add("cache", ["keys", "hit"]);
    const store = new MetricStore();
    store.apply(deltas.take(), "a", NOW);
    expect(deltas.take()).toBeNull();
    expect(valueOf(store.render(NOW), "edge_limiter_cache_total", { cache: "keys", result: "hit" })).toBe(4);
  });

  test("beyond a family's maximum of series go to `other`, so the sum is right and the number bounded", () => {
    const store = new MetricStore();
    for (let batch = 0; batch < 50; batch++) {
      storeWith(
        (deltas) => {
          for (let i = 0; i < 100; i++) countPoint(deltas, point({ route: `${batch}-${i}` }));
        },
        "a",
        NOW,
        store,
      );
    }
    const series = readExposition(store.render(NOW)).filter(({ name }) => name === FAMILIES.requests.name);
    expect(series).toHaveLength(FAMILIES.requests.series);
    expect(series.reduce((sum, { value }) => sum + value, 0)).toBe(5_000);
    expect(restarted(store).total("requests")).toBe(5_000);
  });
});

describe("gauges", () => {
  test("show the worst isolate, and forget an isolate that stops reporting", () => {
    const store = storeWith((deltas) => deltas.set("circuitState", ["all"], 1));
    storeWith((deltas) => deltas.set("circuitState", ["all"], 0), "b", NOW + WINDOW_MS, store);
    const at = (ms: number) => valueOf(store.render(ms), "edge_limiter_circuit_state", { target: "all" });
    expect([at(NOW + WINDOW_MS), at(NOW + WINDOW_MS + 1), at(NOW + 2 * WINDOW_MS + 1)]).toEqual([
      1,
      0,
      undefined,
    ]);
  });

  test("last as long as their isolate reports anything, and across a restart of the hub", () => {
    let store = storeWith((deltas) => deltas.set("policyRevision", [], 7));
    storeWith((deltas) => deltas.add("policyReload", ["loaded"]), "a", NOW + WINDOW_MS, store);
    store = restarted(store, NOW + WINDOW_MS);
    expect(valueOf(store.render(NOW + 2 * WINDOW_MS), "edge_limiter_policy_revision")).toBe(7);
  });

  test("of one isolate are all reported, in whatever order they were set", () => {
    const store = storeWith((deltas) => {
      deltas.set("circuitState", ["all"], 0);
      deltas.set("policyRevision", [], 7);
      deltas.set("buildInfo", ["1.0.0"], 1);
    });
    expect(valueOf(store.render(NOW), "edge_limiter_policy_revision")).toBe(7);
    expect(valueOf(store.render(NOW), "edge_limiter_build_info", { version: "1.0.0" })).toBe(1);
  });

  test("that did not change are not reported", () => {
    const deltas = new MetricDeltas();
    deltas.set("policyRevision", [], 7);
    expect(deltas.take()).toEqual([["policyRevision", [], [7]]]);
    deltas.set("policyRevision", [], 7);
    expect(deltas.take()).toBeNull();
    deltas.add("policyReload", ["unchanged"]);
    expect(deltas.take()).toContainEqual(["policyRevision", [], [7]]);
  });

  test("of a peak keep the worst of five minutes, even after the same isolate has recovered", () => {
    const store = storeWith((deltas) => deltas.peak("outboxLagSeconds", [], 12.5));
    storeWith((deltas) => deltas.peak("outboxLagSeconds", [], 0), "a", NOW + 60_000, store);
    const at = (ms: number) => valueOf(store.render(ms), "edge_limiter_outbox_lag_seconds");
    expect([at(NOW + WINDOW_MS), at(NOW + WINDOW_MS + 1)]).toEqual([12.5, 0]);
  });
});

describe("active users", () => {
  test("are exact below 512, and forgotten after the window", () => {
    const store = new MetricStore();
    for (let i = 0; i < 500; i++) {
      storeWith((deltas) => countPoint(deltas, point({ account: `user:${i % 400}` })), "a", NOW, store);
    }
    expect(valueOf(restarted(store).render(NOW), "edge_limiter_active_users")).toBe(400);
    expect(valueOf(store.render(NOW + WINDOW_MS + 120_000), "edge_limiter_active_users")).toBe(0);
  });

  test("are estimated within 20 % above 512, over several hubs and with bounded memory", () => {
    const shards = [new MetricStore(), new MetricStore()];
    for (let i = 0; i < 40_000; i += 100) {
      const count = (deltas: MetricDeltas) => {
        for (let j = i; j < i + 100; j++) countPoint(deltas, point({ account: `user:${j % 20_000}` }));
      };
      storeWith(count, "a", NOW + i, shards[i % 200 === 0 ? 0 : 1]);
    }
    const all = new MetricStore();
    for (const shard of shards) all.load(shard.dump(NOW + 40_000), NOW + 40_000);
    const users = valueOf(all.render(NOW + 40_000), "edge_limiter_active_users")!;
    expect(users).toBeGreaterThan(16_000);
    expect(users).toBeLessThan(24_000);
    expect(JSON.stringify(shards[0]!.dump(NOW + 40_000)).length).toBeLessThan(100_000);
  });

  test("near a limit are those with at most a tenth remaining", () => {
    const store = storeWith((deltas) => {
      for (const [i, remainingFraction] of [0, 0.05, 0.1, 0.11, 1].entries()) {
        countPoint(deltas, point({ account: `user:${i}`, remainingFraction }));
      }
    });
    expect(valueOf(store.render(NOW), "edge_limiter_users_near_limit")).toBe(3);
  });
});

describe("hostile label values", () => {
  const HOSTILE = [
    'say "no"',
    "back\\slash",
    "two\nlines",
    'x"} 1\nedge_limiter_requests_total{route="y',
    "\u0000\u0007\u001b[31m\r\u0085\u2028",
    "\ud800 alone",
    "'; DROP TABLE points; --",
    "x".repeat(10_240),
    "é😀",
  ];

  test("break no line, and stay unchanged except for control characters and their length", () => {
    for (const hostile of HOSTILE) {
      const text = storeWith((deltas) =>
        countPoint(deltas, point({ route: hostile, reason: hostile })),
      ).render(NOW);
      const [sample, ...others] = readExposition(text).filter(({ name }) => name === FAMILIES.requests.name);
      expect(others).toEqual([]);
      expect(sample?.labels["route"]?.length).toBeLessThanOrEqual(100);
      const plain = hostile
        .slice(0, 100)
        .toWellFormed()
        .replaceAll(/(?!\n)[\p{Cc}\u2028\u2029]/gu, "\ufffd");
      expect(sample?.labels["route"]).toBe(plain);
    }
  });

  test.skipIf(!HAS_PROMTOOL)("are accepted by promtool, in every family", () => {
    const store = new MetricStore();
    HOSTILE.forEach((hostile, i) => {
      const sums = FAMILY_IDS.map((id) => {
        const { type, labels, buckets } = familyOf(id);
        const width = type === "histogram" ? buckets.length + 2 : 1;
        return [id, labels.map(() => hostile), Array.from({ length: width }, () => i + 1)];
      });
      store.apply(sums, hostile, NOW);
    });
    const text = store.render(NOW);
    for (const id of FAMILY_IDS) expect(text).toContain(`# TYPE ${familyOf(id).name} `);
    expect(promtool(["check", "metrics"], text)).toBe("");
  });
});

describe("data that does not match this version's families", () => {
  test.each([
    ["an unknown family", [["nonsense", [], [1]]]],
    ["other labels", [["requests", ["r"], [1]]]],
    ["other buckets", [["decisionSeconds", ["strict"], [1, 2, 3]]]],
    ["a decrease", [["requests", ["r", "t", "allowed", "ok", "strict"], [-5]]]],
    ["a broken number", [["requests", ["r", "t", "allowed", "ok", "strict"], [NaN]]]],
    ["no list", { requests: 1 }],
    ["nothing", null],
  ])("changes nothing: %s", (_what, delta) => {
    const store = storeWith((deltas) => countPoint(deltas, point()));
    const before = store.render(NOW);
    store.apply(delta, "b", NOW);
    expect(store.render(NOW)).toBe(before);
    const deltas = new MetricDeltas();
    deltas.addFrom(delta);
    expect(deltas.take()).toBeNull();
  });

  test("leaves out no other data that came with it", () => {
    const objects = new MetricDeltas();
    objects.counter("rowsWritten", ["UserLimiter"]).add(7);
    objects.peak("outboxLagSeconds", [], 2.5);
    const edge = new MetricDeltas();
    edge.add("rowsWritten", ["UserLimiter"], 1);
    edge.addFrom([["nonsense", [], [1]], ...(objects.take() ?? [])]);
    const store = new MetricStore();
    store.apply(edge.take(), "a", NOW);
    expect(store.total("rowsWritten")).toBe(8);
    expect(store.render(NOW)).toContain("edge_limiter_outbox_lag_seconds 2.5");
  });

  test("is not accepted as a snapshot", () => {
    for (const dump of [null, 5, {}, { sums: 1, readings: [], distinct: [] }]) {
      expect(new MetricStore().load(dump, NOW)).toBe(false);
    }
  });
});
