/** Finds unknown names in alert rules and dashboards, and untested alerts. Pure: maps texts to faults. */
import { POINT_FIELDS, SAMPLE_INTERVAL, VERSION_COLUMN } from "../../src/analytics/point-fields.ts";
import { FAMILIES, type Family } from "../../src/analytics/metrics/families.ts";

/** The labels of each time series in Prometheus, by the name of the series. */
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

/** Metrics named edge_limiter_… that do not exist, and labels that their metric lacks, as `metric{label}`. */
export function unknownMetrics(text: string): string[] {
  const known = seriesNames();
  // Quotes are escaped in a dashboard's JSON.
  const plain = text.replaceAll('\\"', '"');
  const faults = new Set<string>();
  for (const [, metric = "", matchers = ""] of plain.matchAll(/(edge_limiter_[a-z_]+)(?:\{([^}]*)\})?/g)) {
    const labels = known.get(metric);
    if (!labels) faults.add(metric);
    for (const [, label = ""] of matchers.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (labels && !labels.includes(label)) faults.add(`${metric}{${label}}`);
    }
  }
  // A metric must have the labels that it is grouped by: `by (route) (rate(metric`.
  for (const [, by = "", metric = ""] of plain.matchAll(
    /by \(([a-z_, ]+)\)\s*\((?:rate\()?(edge_limiter_[a-z_]+)/g,
  )) {
    for (const label of by.split(",").map((name) => name.trim())) {
      if (known.get(metric)?.includes(label) === false) faults.add(`${metric}{${label}}`);
    }
  }
  return [...faults].toSorted();
}

/** Columns in a dashboard's SQL that points do not have. */
export function unknownColumns(text: string): string[] {
  const known = new Set<string>([
    SAMPLE_INTERVAL,
    VERSION_COLUMN,
    ...Object.values(POINT_FIELDS).map(({ column }) => column),
  ]);
  const used = text.match(/\b(?:blob|double|index)\d+\b|\b_[a-z_]+_interval\b/g) ?? [];
  return [...new Set(used)].filter((name) => !known.has(name)).toSorted();
}

/** Names of the missing tests: each alert must have one that it fires and one that it is silent. */
export function untestedAlerts(rules: string, tests: string): string[] {
  const alerts = [...rules.matchAll(/^\s*- alert: (\w+)$/gm)].map(([, name = ""]) => name);
  return alerts
    .flatMap((name) => [`${name} fires`, `${name} is silent`])
    .filter((name) => !tests.includes(`- name: ${name}\n`));
}
