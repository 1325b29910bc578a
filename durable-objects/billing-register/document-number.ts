/** A document's number as text, of its register's series, its epoch and its place in that: "INV-000001". Pure. */
import type { RegisterPosition } from "../../src/objects/billing-register.ts";

/** "INV", or "INV-R1" after a rebuild that found numbers missing. */
export function prefixOf(series: string, epoch: number): string {
  return epoch === 0 ? series : `${series}-R${epoch}`;
}

export function numberOf(series: string, epoch: number, n: number): string {
  return `${prefixOf(series, epoch)}-${String(n).padStart(6, "0")}`;
}

/** Null: the number is not of this series. */
export function placeOf(series: string, number: string): RegisterPosition | null {
  if (!number.startsWith(`${series}-`)) return null;
  const match = /^(?:R(\d+)-)?(\d+)$/.exec(number.slice(series.length + 1));
  return match ? { epoch: Number(match[1] ?? 0), n: Number(match[2]) } : null;
}
