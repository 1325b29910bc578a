/** The system screen: how it reads the Worker's metrics and checks, and what it concludes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  figureOver,
  hitsOver,
  MAX_READINGS,
  readingOf,
  withReading,
  type HealthReading,
} from "../../dashboard/src/system/health-reading.ts";
import { failureChart, sourceChart, totalOf } from "../../dashboard/src/system/history.ts";
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
    responseCache: [
      [["/news", "hit"], 6],
      [["/news", "stale"], 1],
      [["/news", "miss"], 2],
      [["/news", "bypass"], 9],
    ],
    shieldRejections: [[["flood"], 3]],
    ruleMatches: [
      [["office", "allow"], 5],
      [["office", "would_deny"], 2],
    ],
  });
  const { caches, failures, shields, rules } = systemReport(now, first);
  expect([...shields]).toEqual([["flood", { total: 3, since: 3 }]]);
  expect([...rules]).toEqual([["office", { total: 7, since: 7 }]]);
  expect(caches).toEqual([
    { cache: "keys", lookups: { total: 50, since: 40 }, hits: { total: 40, since: 30 } },
    { cache: "leases", lookups: { total: 4, since: 4 }, hits: { total: 0, since: 0 } },
    { cache: "/news", lookups: { total: 9, since: 9 }, hits: { total: 7, since: 7 } },
  ]);
  expect([...failures]).toEqual([
    ["timeout", { total: 2, since: 2 }],
    ["error", { total: 1, since: 1 }],
  ]);
});

test("lists the targets of pools, with what failed and whether they are in use", () => {
  const first = metrics({ upstreamRequests: [[["api", "0", "ok"], 10]] });
  const now = metrics({
    upstreamRequests: [
      [["api", "0", "ok"], 30],
      [["api", "0", "left"], 2],
      [["api", "1", "ok"], 5],
      [["api", "1", "connect"], 3],
      [["api", "1", "503"], 1],
      [["web", "0", "ok"], 1],
    ],
    upstreamEjected: [
      [["api", "1"], 1],
      [["web", "0"], 0],
    ],
    upstreamListAge: [[["web"], 15_000]],
    upstreamRetries: [
      [["api", "ok"], 4],
      [["web", "ok"], 1],
    ],
  });
  const { targets, retries } = systemReport(now, first);
  expect(targets).toEqual([
    {
      pool: "api",
      target: "0",
      tries: { total: 32, since: 22 },
      failed: { total: 0, since: 0 },
      isEjected: false,
      listAgeSeconds: null,
    },
    {
      pool: "api",
      target: "1",
      tries: { total: 9, since: 9 },
      failed: { total: 4, since: 4 },
      isEjected: true,
      listAgeSeconds: null,
    },
    {
      pool: "web",
      target: "0",
      tries: { total: 1, since: 1 },
      failed: { total: 0, since: 0 },
      isEjected: false,
      listAgeSeconds: 15,
    },
  ]);
  expect([...retries]).toEqual([["ok", { total: 5, since: 5 }]]);
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

test("each check names a heading of docs/operations.md, and means something", async () => {
  const path = join(import.meta.dirname, "..", "..", "docs", "operations.md");
  const text = await readFile(path, "utf8");
  const headings = [...text.matchAll(/^#{2,3} (.+)$/gm)].map(([, heading]) => heading);
  const quiet = metrics({ buildInfo: [[["1.2.3"], 1]] });
  for (const { instruction, meaning } of systemChecks(systemReport(quiet, quiet), ALL_OK)) {
    expect(headings).toContain(instruction);
    expect(meaning.length).toBeGreaterThan(20);
  }
  const charts = await readFile(
    join(import.meta.dirname, "..", "..", "dashboard", "src", "system", "history-charts.tsx"),
    "utf8",
  );
  const named = [...charts.matchAll(/instruction="(\w+)"/g)].map(([, heading]) => heading);
  expect(named).toHaveLength(3);
  for (const heading of named) expect(headings).toContain(heading);
});

/** Readings every five seconds of a counter and a gauge. */
function readings(counts: readonly number[], openCircuit: readonly number[] = []): HealthReading[] {
  return counts.map((total, i) => {
    const circuit = openCircuit[i];
    return readingOf(
      metrics({
        limiterFailures: [[["timeout"], total]],
        cache: [
          [["keys", "hit"], total],
          [["keys", "miss"], total],
        ],
        ...(circuit === undefined ? {} : { circuitState: [[["all"], circuit]] }),
      }),
      i * 5_000,
    );
  });
}

test("shows counters as growth per minute, with a gap where one restarted or the page did not look", () => {
  expect(figureOver(readings([10, 12, 12, 3]), "failures")).toEqual([24, 0, null]);
  const [first, second] = readings([10, 12]);
  const late = { ...second!, atMs: 600_000 };
  expect(figureOver([first!, late], "failures")).toEqual([null]);
});

test("shows gauges as they were read, and shares only where there was something to share", () => {
  expect(figureOver(readings([0, 0, 0], [0, 1]), "openCircuits")).toEqual([0, 1, null]);
  expect(hitsOver(readings([0, 4, 4]), "keys")).toEqual([0.5, null]);
  expect(hitsOver(readings([0, 4]), "other")).toEqual([null]);
});

test("keeps a bounded number of readings, each moment once", () => {
  let all: readonly HealthReading[] = [];
  for (const reading of readings(Array.from({ length: MAX_READINGS + 3 }, (_, i) => i))) {
    all = withReading(withReading(all, reading), reading);
  }
  expect([all.length, all[0]?.atMs]).toEqual([MAX_READINGS, 15_000]);
});

test("draws failures by reason, and decisions by source", () => {
  const times = ["2026-11-21T08:00:00.000Z", "2026-11-21T08:01:00.000Z"];
  const zero = { denied: [0, 0], cost: [0, 0] };
  const series = [
    { key: "upstream_error", requests: [2, 0], ...zero },
    { key: null, requests: [0, 1], ...zero },
  ];
  const steps = { times, series, intervalSeconds: 60 };
  expect(failureChart(steps).lines.map(({ name, values }) => [name, values])).toEqual([
    ["upstream_error", [2, 0]],
    ["others", [0, 1]],
  ]);
  expect([totalOf(steps), totalOf(steps, ["upstream_error"])]).toEqual([3, 2]);
  const bySource = sourceChart({ ...steps, series: [{ key: "lease", requests: [5, 6], ...zero }] });
  expect(bySource.lines.map(({ name, values }) => [name, values])).toEqual([
    ["Object", [0, 0]],
    ["Lease", [5, 6]],
    ["Deny cache", [0, 0]],
    ["Fallback", [0, 0]],
  ]);
});
