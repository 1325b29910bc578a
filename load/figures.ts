/** Formats the figures of one metric for people: with units, and shares as "4 of 4000". Pure. */

export interface Metric {
  /** "counter", "rate", "trend" or "gauge". */
  readonly type?: string;
  /** "time": the values are milliseconds. */
  readonly contains?: string;
  readonly values?: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

export function figuresOf({ type, contains, values = {} }: Metric): string {
  const { count = 0, rate = 0, passes = 0, fails = 0 } = values;
  if (type === "counter") return `${count}, ${short(rate)}/s`;
  // k6 counts every non-zero sample as passed, even in a rate of errors.
  if (type === "rate") return `${passes} of ${passes + fails}`;
  const unit = contains === "time" ? " ms" : "";
  return Object.entries(values)
    .toSorted()
    .map(([name, value]) => `${name} ${short(value)}${unit}`)
    .join(", ");
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 4 : 1);
}
