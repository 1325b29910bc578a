/** One metric's figures as people read them: each with its unit, and shares as so many of so many. Pure. */

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
  // k6 calls a sample that is not 0 passed, of a share of errors as well.
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
