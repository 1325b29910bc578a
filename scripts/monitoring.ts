/**
 * `npm run monitoring`: writes the Grafana dashboards to monitoring/. With `--check` it writes nothing and fails if one is
 * outdated. In both cases it fails if an alert rule or a dashboard uses an unknown metric, label or column, or if an alert
 * lacks a test.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dashboardJson } from "./monitoring/dashboard.ts";
import { engineDashboard } from "./monitoring/engine-dashboard.ts";
import { unknownColumns, unknownMetrics, untestedAlerts } from "./monitoring/names.ts";
import { postgresDashboard } from "./monitoring/postgres-dashboard.ts";
import { prometheusDashboard } from "./monitoring/prometheus-dashboard.ts";

const FOLDER = join(import.meta.dirname, "..", "monitoring");
const read = (name: string): Promise<string> => readFile(join(FOLDER, name), "utf8");
const DASHBOARDS = {
  "grafana-prometheus.json": prometheusDashboard,
  "grafana-analytics-engine.json": engineDashboard,
  "grafana-postgres.json": postgresDashboard,
};

const faults: string[] = [];
for (const [name, plan] of Object.entries(DASHBOARDS)) {
  const made = dashboardJson(plan);
  const there = await read(name).catch(() => "");
  if (made === there) continue;
  if (process.argv.includes("--check")) faults.push(`${name} is outdated: run npm run monitoring`);
  else await writeFile(join(FOLDER, name), made);
}
const alerts = await read("alerts.yml");
for (const [name, text] of [
  ["alerts.yml", alerts],
  ["grafana-prometheus.json", await read("grafana-prometheus.json")],
] as const) {
  faults.push(...unknownMetrics(text).map((metric) => `${name}: unknown metric ${metric}`));
}
const engine = await read("grafana-analytics-engine.json");
faults.push(
  ...unknownColumns(engine).map((column) => `grafana-analytics-engine.json: unknown column ${column}`),
);
faults.push(
  ...untestedAlerts(alerts, await read("alerts.test.yml")).map(
    (missing) => `alerts.test.yml: no test that ${missing}`,
  ),
);
for (const fault of faults) console.error(`monitoring/${fault}`);
if (faults.length > 0) process.exitCode = 1;
