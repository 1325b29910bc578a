/** Numbers as people read them, with units. Pure; never shows what is missing as zero. */

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count: whole up to 9,999, short above. */
export function count(value: number): string {
  return Math.abs(value) < 10_000 ? COUNT.format(value) : SHORT.format(value);
}

/** `part` of `whole` in percent; a dash where there is no whole. */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${COUNT.format((part / whole) * 100)} %` : "–";
}

/** Milliseconds; a dash for what was not measured. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return "–";
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${COUNT.format(Math.round(ms))} ms`;
}
