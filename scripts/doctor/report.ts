/** Formats findings: lines for people (colour only on a terminal), one document for machines. */
import { styleText } from "node:util";
import type { CheckOutcomeKind } from "./check.ts";
import type { Finding, Summary } from "./examine.ts";

const MARKS: Readonly<
  Record<CheckOutcomeKind, { readonly text: string; readonly colour: "green" | "yellow" | "red" | "gray" }>
> = {
  ok: { text: "ok  ", colour: "green" },
  warn: { text: "WARN", colour: "yellow" },
  fail: { text: "FAIL", colour: "red" },
  skipped: { text: "skip", colour: "gray" },
};
const TITLE_WIDTH = 18;
const INDENT = " ".repeat(2);

/** One line per finding, and a second with the fix of a warning or failure. Skipped checks show no time. */
export function findingLines({ check, outcome, ms }: Finding): string {
  const { text, colour } = MARKS[outcome.kind];
  const line = `${INDENT}${styleText(colour, text)}  ${check.title.padEnd(TITLE_WIDTH)}${outcome.reason}${outcome.kind === "skipped" ? "" : ` (${duration(ms)})`}`;
  return "fix" in outcome ? `${line}\n${INDENT}      fix: ${outcome.fix}` : line;
}

/** `9 ok, 1 warning, 0 failed, 3 skipped` */
export function summaryLine({ ok, warn, fail, skipped }: Summary): string {
  return `${ok} ok, ${warn} ${warn === 1 ? "warning" : "warnings"}, ${fail} failed, ${skipped} skipped`;
}

/** The document of `--json`. Field names are stable; times are in milliseconds. */
export function findingsDocument(url: string | null, findings: readonly Finding[], summary: Summary): object {
  return {
    ok: summary.fail === 0,
    url,
    summary: { ok: summary.ok, warnings: summary.warn, failed: summary.fail, skipped: summary.skipped },
    checks: findings.map(({ check: { id, title, examines }, outcome, ms }) => ({
      id,
      title,
      examines,
      outcome: outcome.kind,
      reason: outcome.reason,
      fix: "fix" in outcome ? outcome.fix : null,
      ms: Math.round(ms),
    })),
  };
}

/** `12 ms`, `3.4 s`, `2 min 5 s` */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}
