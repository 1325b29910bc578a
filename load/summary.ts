/**
 * The summary of a run: a short text, and all of k6's figures as JSON if a directory is set. Every scenario exports
 * {@link handleSummary}. The page with charts is k6's own (K6_WEB_DASHBOARD_EXPORT).
 */
import { REPORT_DIRECTORY } from "./environment.ts";
import { figuresOf, type Metric } from "./figures.ts";

/** The metrics of the text, in order. Those that a scenario lacks are left out. */
const REPORTED = [
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
  for (const name of REPORTED) {
    const metric = metrics[name];
    if (metric?.values) lines.push(`  ${name.padEnd(24)} ${figuresOf(metric)}`);
  }
  lines.push("");
  for (const [name, metric] of Object.entries(metrics)) {
    for (const [expression, { ok }] of Object.entries(metric.thresholds ?? {})) {
      lines.push(`  ${ok ? "✓" : "✗"} ${name.padEnd(22)} ${expression.padEnd(14)} ${figuresOf(metric)}`);
    }
  }
  return `${lines.join("\n")}\n\n`;
}
