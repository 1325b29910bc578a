/** What may not grow unnoticed, and what has. Pure: no timing is in it, so that it says the same on every machine. */
import * as z from "zod/mini";
import { parseBy } from "../src/policy/fault.ts";

const figure = z.number().check(z.gte(0));

const schema = z.strictObject({
  /** The product's bundle, minified and compressed, KiB. */
  gzipKb: figure,
  /** Operations per 1,000 decisions of one user, by how he is decided about. */
  strict: z.strictObject({ objectCalls: figure, rowsWritten: figure, kvReads: figure }),
  leased: z.strictObject({ objectCalls: figure, rowsWritten: figure, kvReads: figure }),
  denied: z.strictObject({ objectCalls: figure, rowsWritten: figure, kvReads: figure }),
  /** Of the first requests of 1,000 addresses. */
  newcomers: z.strictObject({ objectCalls: figure, rowsWritten: figure, kvReads: figure }),
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
    for (const operation of ["objectCalls", "rowsWritten", "kvReads"] as const) {
      lines.push(line(`${who}: ${operation} per 1,000`, measured[who][operation], most[who][operation]));
    }
  }
  return lines;
}
