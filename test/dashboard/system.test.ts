/** The system screen: how it reads the Worker's metrics and checks, and what it concludes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseExposition } from "../../dashboard/src/system/exposition.ts";
import { parseChecks, parseMetrics, systemReport } from "../../dashboard/src/system/system-report.ts";
import {
  checksSummary,
  LAG_SECONDS,
  STALE_SECONDS,
  systemChecks,
} from "../../dashboard/src/system/system-checks.ts";
import { exposition } from "../../src/analytics/metrics/exposition.ts";
import { FAMILIES, type FamilyId, familyOf } from "../../src/analytics/metrics/families.ts";

const OK = new Map([["policy", "ok"]]);
const ALL_OK = { health: OK, ready: OK };

/** Metrics as the Worker writes them; values in units of 1/scale. */
function metrics(series: Partial<Record<FamilyId, readonly (readonly [string[], number])[]>>) {
  const text = Object.entries(FAMILIES).map(([id]) => {
    const family = familyOf(id as FamilyId);
    const samples = (series[id as FamilyId] ?? []).map(([labels, value]) => ({ labels, values: [value] }));
    return exposition(family, samples);
  });
  return parseMetrics(text.join(""))!;
}

test("reads what the Worker writes, with any text in a label", () => {
  const route = 'a "b"\\n\n{c="d"} 7';
  const labels = [route, "free", "allowed", "ok", "strict"];
  const read = metrics({ requests: [[labels, 12]] }).get("edge_limiter_requests_total");
  expect(read).toEqual([
    { labels: { route, tier: "free", outcome: "allowed", reason: "ok", source: "strict" }, value: 12 },
  ]);
  const histogram = exposition(FAMILIES.decisionSeconds, [{ labels: ["lease"], values: [5, 2, 1] }]);
  const buckets = parseExposition(histogram).get("edge_limiter_decision_seconds_bucket");
  expect(buckets?.at(-1)).toEqual({ labels: { source: "lease", le: "+Inf" }, value: 3 });
});

test("skips lines that are not samples, and rejects other texts", () => {
  expect([...parseExposition("# HELP x y\nx 1\nx\n{} 2\nx one\n\n").entries()]).toEqual([
    ["x", [{ labels: {}, value: 1 }]],
  ]);
  expect([parseMetrics("<html>"), parseMetrics(null), parseMetrics({})]).toEqual([null, null, null]);
});

test("counts since the screen was opened, even if a counter restarted", () => {
  const first = metrics({ cache: [[["keys", "hit"], 10]], limiterFailures: [[["timeout"], 5]] });
  const now = metrics({
    cache: [
      [["keys", "hit"], 40],
      [["keys", "stale"], 10],
      [["leases", "miss"], 4],
    ],
    limiterFailures: [
      [["timeout"], 2],
      [["error"], 1],
    ],
  });
  const { caches, failures } = systemReport(now, first);
  expect(caches).toEqual([
    { cache: "keys", lookups: { total: 50, since: 40 }, hits: { total: 40, since: 30 } },
    { cache: "leases", lookups: { total: 4, since: 4 }, hits: { total: 0, since: 0 } },
  ]);
  expect([...failures]).toEqual([
    ["timeout", { total: 2, since: 2 }],
    ["error", { total: 1, since: 1 }],
  ]);
});

test("says what needs attention, and never calls something unmeasured OK", () => {
  const quiet = metrics({ buildInfo: [[["1.2.3"], 1]] });
  const unknown = systemChecks(systemReport(quiet, quiet), ALL_OK);
  expect(unknown.filter(({ state }) => state === "unknown").map(({ name }) => name)).toEqual([
    "Circuits",
    "Policy staleness",
    "Outbox lag",
  ]);
  expect(checksSummary(unknown)).toBe("All measured checks are OK.");
  const young = metrics({ activeUsers: [[[], 0]] });
  const nothing = systemChecks(systemReport(young, young), ALL_OK);
  expect(nothing.find(({ name }) => name === "Versions")?.state).toBe("unknown");
  const ill = metrics({
    circuitState: [[["all"], 1]],
    policyStaleSeconds: [[[], (STALE_SECONDS + 1) * 1_000]],
    outboxLagSeconds: [[[], LAG_SECONDS * 1_000]],
    policyReload: [[["refused"], 1]],
    pointsDropped: [[[], 3]],
    limiterFailures: [[["timeout"], 2]],
    buildInfo: [
      [["1"], 1],
      [["2"], 1],
    ],
  });
  const notReady = { health: null, ready: new Map([["limiter", "not responding"]]) };
  const checks = systemChecks(systemReport(ill, quiet), notReady);
  expect(checksSummary(checks)).toBe(
    "Needs attention: health, readiness, circuits, limiter failures, policy staleness, policy reads, analytics, versions.",
  );
  expect(checks.find(({ name }) => name === "Readiness")?.detail).toBe("limiter: not responding");
});

test("uses the thresholds of the alerts", async () => {
  const alerts = await readFile(join(import.meta.dirname, "..", "..", "monitoring", "alerts.yml"), "utf8");
  expect(alerts).toContain(`max(edge_limiter_policy_stale_seconds) > ${STALE_SECONDS}\n`);
  expect(alerts).toContain(`max(edge_limiter_outbox_lag_seconds) > ${LAG_SECONDS}\n`);
});

test("reads the checks of health and readiness", () => {
  const checks = { policy: "ok", limiter: "not responding" };
  expect(parseChecks({ ready: false, checks })?.get("limiter")).toBe("not responding");
  expect([parseChecks({}), parseChecks("ok")]).toEqual([null, null]);
});
