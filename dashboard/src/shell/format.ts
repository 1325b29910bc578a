/** Numbers as people read them, with units. Pure; never shows what is missing as zero. */

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SMALL = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count or a rate: short from 10,000, two digits below 1, so that few are not shown as none. */
export function count(value: number): string {
  if (Math.abs(value) < 1) return SMALL.format(value);
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
