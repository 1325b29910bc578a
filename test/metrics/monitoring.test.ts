/** Alert rules and dashboards are up to date, use existing names, and are accepted by their engines. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { engineDashboard } from "../../scripts/monitoring/engine-dashboard.ts";
import { unknownColumns, unknownMetrics, untestedAlerts } from "../../scripts/monitoring/names.ts";
import { prometheusDashboard } from "../../scripts/monitoring/prometheus-dashboard.ts";
import { Chdb, DATASET, hasChdb } from "../reports/chdb.ts";
import { point } from "./points.ts";
import { HAS_PROMTOOL, promtool } from "./promtool.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "monitoring");
const HAS_CHDB = hasChdb();
if (!HAS_CHDB) process.stderr.write("SKIPPED: the dashboards' SQL queries, because chdb is not installed\n");

test("dashboards are up to date, and all metrics, labels and columns in them exist", () => {
  const script = join(import.meta.dirname, "..", "..", "scripts", "monitoring.ts");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test.skipIf(!HAS_PROMTOOL)("alert rules are valid, and each fires exactly when it should", () => {
  expect(promtool(["check", "rules", "alerts.yml"], "", FOLDER)).toBe("");
  expect(promtool(["test", "rules", "alerts.test.yml"], "", FOLDER)).toBe("");
});

test.skipIf(!HAS_PROMTOOL)("every query of the Prometheus dashboard is valid PromQL", async () => {
  const folder = await mkdtemp(join(tmpdir(), "edge-limiter-"));
  try {
    const queries = prometheusDashboard.panels.flatMap(({ queries: asked }) => asked.map(({ text }) => text));
    const rules = queries.map((text, i) => ({
      record: `check:query_${i}`,
      // Grafana replaces this variable in its queries.
      expr: text.replaceAll("$__rate_interval", "5m"),
    }));
    // YAML is a superset of JSON.
    await writeFile(join(folder, "rules.yml"), JSON.stringify({ groups: [{ name: "queries", rules }] }));
    expect(promtool(["check", "rules", "rules.yml"], "", folder)).toBe("");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.skipIf(!HAS_CHDB)("every query of the Analytics Engine dashboard returns rows", async () => {
  const chdb = new Chdb();
  try {
    const atMs = 1_763_690_000_000;
    const rows = [
      point({ atMs }),
      point({ atMs: atMs + 60_000, outcome: "denied", reason: "minute", source: "deny-cache" }),
      point({ atMs, outcome: "error", reason: "upstream_timeout", upstreamStatus: "none", cost: 3 }),
      // No limit denied these two, and the second was not decided.
      point({ atMs, outcome: "denied", reason: "blocked" }),
      point({
        atMs,
        outcome: "denied",
        reason: "unauthenticated",
        source: "none",
        account: "",
        limiterMs: 0,
      }),
    ];
    await chdb.fill(rows.map((row) => Object.assign({ weight: 2 }, row)));
    const seconds = (ms: number) => Math.floor(ms / 1_000);
    const [from, to] = [seconds(atMs - 3_600_000), seconds(atMs + 3_600_000)];
    // The plugin's expansion of its macros for a DATETIME column.
    const expanded = (sql: string) =>
      sql
        .replaceAll("$timeSeries", "(intDiv(toUInt32(timestamp), 60) * 60) * 1000")
        .replaceAll("$timeFilter", `timestamp >= toDateTime(${from}) AND timestamp <= toDateTime(${to})`)
        .replaceAll("$interval", "60");
    const answers = new Map<string, readonly Record<string, unknown>[]>();
    for (const { title, queries } of engineDashboard.panels) {
      for (const { text } of queries) {
        expect(text).toContain(`FROM ${DATASET} WHERE $timeFilter`);
        const { data } = await chdb.run(`${expanded(text)} FORMAT JSON`);
        expect(data, title).not.toEqual([]);
        answers.set(title, data);
      }
    }
    expect(answers.get("Requests")).toEqual([{ requests: 10 }]);
    expect(answers.get("Denied")).toEqual([{ share: 2 / 8 }]);
    const counts = { allowed: 2, denied: 2, cost: 8 };
    expect(answers.get("Routes")).toEqual([{ route: "demo", requests: 10, ...counts, turned_away: 4 }]);
    expect(answers.get("Busiest users")).toEqual([
      { account: "user:acme", requests: 8, ...counts, turned_away: 2 },
    ]);
    expect(answers.get("Users")).toEqual([{ users: 1 }]);
    expect(new Set(answers.get("Requests by outcome")?.map(({ outcome }) => outcome))).toEqual(
      new Set(["allowed", "denied", "turned_away", "error"]),
    );
    expect(answers.get("Decision latency")?.[0]).toMatchObject({ p50: 2 });
  } finally {
    chdb.stop();
  }
});

test("unknown names are reported", () => {
  expect(unknownMetrics('rate(edge_limiter_requests_total{user="x",route=~"a"}[5m])')).toEqual([
    "edge_limiter_requests_total{user}",
  ]);
  expect(unknownMetrics("edge_limiter_nonsense + edge_limiter_decision_seconds")).toEqual([
    "edge_limiter_decision_seconds",
    "edge_limiter_nonsense",
  ]);
  expect(unknownMetrics('"expr": "sum(edge_limiter_cost_total{user=\\"x\\"})"')).toEqual([
    "edge_limiter_cost_total{user}",
  ]);
  expect(unknownMetrics("sum by (le, key) (rate(edge_limiter_decision_seconds_bucket[5m]))")).toEqual([
    "edge_limiter_decision_seconds_bucket{key}",
  ]);
  expect(unknownColumns("SELECT blob2, blob20, double6, index2, _sample_interval")).toEqual([
    "blob20",
    "index2",
  ]);
});

test("an alert that lacks one of its tests is reported", async () => {
  const rules = await readFile(join(FOLDER, "alerts.yml"), "utf8");
  const tests = await readFile(join(FOLDER, "alerts.test.yml"), "utf8");
  expect(untestedAlerts(rules, tests)).toEqual([]);
  expect(untestedAlerts(rules, tests.replace("EdgeLimiterSlow is silent", "x"))).toEqual([
    "EdgeLimiterSlow is silent",
  ]);
});
