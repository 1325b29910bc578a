/** What may not grow unnoticed, and what has. Pure: no timing is in it, so that it says the same on every machine. */
import * as z from "zod/mini";
import { parseBy } from "../src/policy/fault.ts";

const figure = z.number().check(z.gte(0));

/** What is billed, per 1,000 decisions. The hub is told by time, so its figures have room for a slow machine. */
const COUNTED = ["objectCalls", "rowsWritten", "kvReads", "hubCalls", "hubRows"] as const;

const operations = z.strictObject({
  objectCalls: figure,
  rowsWritten: figure,
  kvReads: figure,
  hubCalls: figure,
  hubRows: figure,
});

const schema = z.strictObject({
  /** The product's bundle, minified and compressed, KiB. */
  gzipKb: figure,
  /** Operations per 1,000 decisions of one user, by how he is decided about. */
  strict: operations,
  leased: operations,
  denied: operations,
  /** Of the first requests of 1,000 addresses. */
  newcomers: operations,
});

/** Most of each figure, or each figure as measured. */
export type Budget = z.infer<typeof schema>;

/** @throws naming the figure that is none. */
export function parseBudget(given: unknown): Budget {
  const parsed = parseBy(schema, given);
  if (parsed.ok) return parsed.value;
  throw new Error(parsed.faults.map(({ path, message }) => `${path} ${message}`).join("; "));
}

export interface Line {
  readonly figure: string;
  readonly measured: number;
  readonly most: number;
  readonly isOver: boolean;
}

/** Every figure beside its most. What is not a number is over it. */
export function linesOf(measured: Budget, most: Budget): Line[] {
  const line = (name: string, is: number, limit: number): Line => ({
    figure: name,
    measured: is,
    most: limit,
    isOver: !(is <= limit),
  });
  const lines = [line("bundle, KiB", measured.gzipKb, most.gzipKb)];
  for (const who of ["strict", "leased", "denied", "newcomers"] as const) {
    for (const operation of COUNTED) {
      lines.push(line(`${who}: ${operation} per 1,000`, measured[who][operation], most[who][operation]));
    }
  }
  return lines;
}
