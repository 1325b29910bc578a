/**
 * Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Pure.
 *
 * A label value never leaves its quotes: backslash, quote and line feed are escaped. Other control characters are replaced, since parsers
 * treat them differently.
 */
import { helpOf } from "./family-help.ts";
import type { Family } from "./families.ts";

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A series, with values as in metric-deltas.ts. */
export interface Sample {
  readonly labels: readonly string[];
  readonly values: readonly number[];
}

/** A family with its samples, ending in a line feed; empty without samples. */
export function exposition(family: Family, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const { name, type } = family;
  const shown = type === "counter" || type === "histogram" ? type : "gauge";
  const lines = [`# HELP ${name} ${escapedHelp(helpOf(name))}`, `# TYPE ${name} ${shown}`];
  for (const { labels, values } of samples) {
    const pairs = family.labels.map((label, i) => `${label}="${escapedLabel(labels[i] ?? "")}"`);
    if (type === "histogram") lines.push(...histogram(family, pairs, values));
    else lines.push(`${name}${braced(pairs)} ${number((values[0] ?? 0) / family.scale)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** On the wire, buckets are cumulative. */
function histogram({ name, buckets, scale }: Family, pairs: readonly string[], values: readonly number[]) {
  const [sum = 0, ...counts] = values;
  let count = 0;
  const lines = [...buckets, Infinity].map((bound, i) => {
    count += counts[i] ?? 0;
    return `${name}_bucket${braced([...pairs, `le="${number(bound)}"`])} ${count}`;
  });
  return [
    ...lines,
    `${name}_sum${braced(pairs)} ${number(sum / scale)}`,
    `${name}_count${braced(pairs)} ${count}`,
  ];
}

function braced(pairs: readonly string[]): string {
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function number(value: number): string {
  return value === Infinity ? "+Inf" : String(value);
}

function escapedHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapedLabel(text: string): string {
  return text
    .toWellFormed()
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll(/[\p{Cc}\u2028\u2029]/gu, "\ufffd");
}
