/** Cells as rows of a table: one for each unit, under account, hour, route, key and unit. Pure. */
import { REQUESTS } from "../../src/core/unit-costs.ts";
import type { ExportedCell } from "./source.ts";

export interface UsageRow {
  readonly account: string;
  /** The hour's first moment, RFC 3339. */
  readonly hour: string;
  /** "": no route. */
  readonly route: string;
  /** "": no key. */
  readonly key: string;
  /** `requests` for every cell; other units if it has a cost in them. */
  readonly unit: string;
  readonly mode: "live" | "test";
  /** Of the unit `requests` alone, so that their sum over all units is right. */
  readonly requests: number;
  readonly denied: number;
  /** In thousandths of the unit. */
  readonly costMilli: number;
}

export function rowsOf(cells: readonly ExportedCell[]): UsageRow[] {
  return cells.flatMap((cell) => [
    rowOf(cell, REQUESTS, cell.cost),
    ...Object.entries(cell.units ?? {}).map(([unit, amount]) => rowOf(cell, unit, amount)),
  ]);
}

function rowOf(cell: ExportedCell, unit: string, amount: number): UsageRow {
  const { account, hour, route, key, mode } = cell;
  const { requests, denied } = unit === REQUESTS ? cell : { requests: 0, denied: 0 };
  return { account, hour, route, key, unit, mode, requests, denied, costMilli: milliOf(amount) };
}

/** The product writes thousandths at the finest, so this is exact. */
function milliOf(amount: number): number {
  return Math.round(amount * 1_000);
}

/** As a decimal number with three decimals, without rounding. */
export function decimalOf(milli: number): string {
  const digits = String(milli).padStart(4, "0");
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

/** The hour as Unix seconds. */
export function secondsOf({ hour }: UsageRow): number {
  return Date.parse(hour) / 1_000;
}
