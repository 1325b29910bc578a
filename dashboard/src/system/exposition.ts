/**
 * Parses the Prometheus text format 0.0.4, as the Worker writes it (src/analytics/metrics/exposition.ts). Pure and bounded. Skips
 * lines that it cannot parse.
 */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples by name, in the order of the text. Those of a histogram are under the names of its parts. */
export type Metrics = ReadonlyMap<string, readonly Sample[]>;

/** Several times what the Worker's metric families can produce. */
const MAX_LINES = 100_000;
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export function parseExposition(text: string): Metrics {
  const metrics = new Map<string, Sample[]>();
  for (const line of text.split("\n", MAX_LINES)) {
    const [, name, labels = "", number = ""] = LINE.exec(line) ?? [];
    const value = numberOf(number);
    if (name === undefined || value === null) continue;
    const samples = metrics.get(name) ?? [];
    metrics.set(name, samples);
    samples.push({ labels: labelsOf(labels), value });
  }
  return metrics;
}

/** The samples of a metric of the Worker, by its name without the prefix. */
export function samplesOf(metrics: Metrics, name: string): readonly Sample[] {
  return metrics.get(`edge_limiter_${name}`) ?? [];
}

/** The greatest value of a metric; null if it was not reported. */
export function greatest(metrics: Metrics, name: string): number | null {
  const values = samplesOf(metrics, name).map(({ value }) => value);
  return values.length === 0 ? null : Math.max(...values);
}

function labelsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(LABEL)].map(([, name = "", value = ""]) => [name, unescaped(value)]);
  return Object.fromEntries(pairs);
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_all, char: string) => (char === "n" ? "\n" : char));
}

function numberOf(text: string): number | null {
  if (text === "+Inf") return Infinity;
  const value = Number(text);
  return text === "" || Number.isNaN(value) ? null : value;
}
