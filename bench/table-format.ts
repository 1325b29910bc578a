/** Figures and rows of the benchmark's tables, as Markdown. */
import type { Spread } from "./ratios.ts";

export type Row = readonly (string | number)[];

export function table(head: readonly string[], rows: readonly Row[]): string {
  const line = (cells: Row): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

export function met(isMet: boolean): string {
  return isMet ? "met" : "**missed**";
}

export function spread({ median, min, max }: Spread): string {
  return `${two(median)} (${two(min)} to ${two(max)})`;
}

/** Two decimals below 10, else one. */
export function two(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
