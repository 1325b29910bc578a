/**
 * The end of a run: a short text for people, and all of k6's figures as JSON for machines where a directory is given. Every
 * scenario exports {@link handleSummary}. The page with charts is k6's own (K6_WEB_DASHBOARD_EXPORT).
 */
import { REPORT_DIRECTORY } from "./environment.ts";

/** What the text tells, in this order, where the scenario has it. */
const TOLD = [
  "admitted",
  "denied",
  "decided_strict",
  "decided_by_lease",
  "decided_by_deny_cache",
  "decided_by_fallback",
  "connections",
  "policy_changes",
  "answer_duration",
  "http_reqs",
];

interface Metric {
  readonly values?: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

export interface SummaryData {
  readonly metrics: Readonly<Record<string, Metric>>;
}

export function handleSummary(data: SummaryData): Record<string, string> {
  const reports: Record<string, string> = { stdout: textOf(data) };
  if (REPORT_DIRECTORY) reports[`${REPORT_DIRECTORY}/summary.json`] = `${JSON.stringify(data, null, 2)}\n`;
  return reports;
}

function textOf({ metrics }: SummaryData): string {
  const lines = [""];
  for (const name of TOLD) {
    const values = metrics[name]?.values;
    if (values) lines.push(`  ${name.padEnd(24)} ${valuesText(values)}`);
  }
  lines.push("");
  for (const [name, metric] of Object.entries(metrics)) {
    for (const [expression, { ok }] of Object.entries(metric.thresholds ?? {})) {
      lines.push(
        `  ${ok ? "✓" : "✗"} ${name.padEnd(22)} ${expression.padEnd(14)} ${valuesText(metric.values ?? {})}`,
      );
    }
  }
  return `${lines.join("\n")}\n\n`;
}

function valuesText(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .toSorted()
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toFixed(value < 1 ? 4 : 1)}`)
    .join(", ");
}
