/** Finds names that alert rules and dashboards use and that no table knows. Pure: texts in, faults out. */
import { COLUMNS, SAMPLE_INTERVAL, VERSION_COLUMN } from "../../src/analytics/point-fields.ts";
import { FAMILIES, type Family } from "../../src/analytics/metrics/families.ts";

/** What Prometheus shows of a family: its labels by the names of its time series. */
function seriesNames(): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, readonly string[]>();
  const families: readonly Family[] = Object.values(FAMILIES);
  for (const { name, type, labels } of families) {
    if (type !== "histogram") names.set(name, labels);
    else {
      names.set(`${name}_bucket`, [...labels, "le"]);
      names.set(`${name}_sum`, labels);
      names.set(`${name}_count`, labels);
    }
  }
  return names;
}

/** Metrics of ours that do not exist, and labels that their metric does not have, as `metric{label}`. */
export function unknownMetrics(text: string): string[] {
  const known = seriesNames();
  // In a dashboard's JSON an expression's quotes are escaped.
  const plain = text.replaceAll('\\"', '"');
  const faults = new Set<string>();
  for (const [, metric = "", matchers = ""] of plain.matchAll(/(edge_limiter_[a-z_]+)(?:\{([^}]*)\})?/g)) {
    const labels = known.get(metric);
    if (!labels) faults.add(metric);
    for (const [, label = ""] of matchers.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (labels && !labels.includes(label)) faults.add(`${metric}{${label}}`);
    }
  }
  // What an expression is grouped by, its metric must have: `by (route) (rate(metric`.
  for (const [, by = "", metric = ""] of plain.matchAll(
    /by \(([a-z_, ]+)\)\s*\((?:rate\()?(edge_limiter_[a-z_]+)/g,
  )) {
    for (const label of by.split(",").map((name) => name.trim())) {
      if (known.get(metric)?.includes(label) === false) faults.add(`${metric}{${label}}`);
    }
  }
  return [...faults].toSorted();
}

/** Columns in a dashboard's SQL that the table of points does not have. */
export function unknownColumns(text: string): string[] {
  const known = new Set<string>([
    SAMPLE_INTERVAL,
    VERSION_COLUMN.name,
    ...Object.values(COLUMNS).map(({ name }) => name),
  ]);
  const used = text.match(/\b(?:blob|double|index)\d+\b|\b_[a-z_]+_interval\b/g) ?? [];
  return [...new Set(used)].filter((name) => !known.has(name)).toSorted();
}

/** Alerts without a test of firing or of staying silent. */
export function untestedAlerts(rules: string, tests: string): string[] {
  const alerts = [...rules.matchAll(/^\s*- alert: (\w+)$/gm)].map(([, name = ""]) => name);
  return alerts
    .flatMap((name) => [`${name} fires`, `${name} is silent`])
    .filter((name) => !tests.includes(`- name: ${name}\n`));
}
