/** The trial of a destination: killed half way, run to the end, run again and begun anew, it must have the ledgers' rows every time. */
import { expect } from "vitest";
import * as z from "zod/mini";
import { cutShort, type Environment, type Ran, runExport, startExport } from "./export-process.ts";
import { stage } from "./stage.ts";
import { addUsage, type Ledger, sorted } from "./used-product.ts";

/** A row as destinations have it. */
export const rowSchema = z.object({
  account: z.string(),
  hour: z.string(),
  route: z.string(),
  key: z.string(),
  unit: z.string(),
  requests: z.coerce.number(),
  costMilli: z.coerce.number(),
  denied: z.coerce.number(),
});
export type Row = z.infer<typeof rowSchema>;

/** What the rows add up to. Fails if two have the same key. */
export function ledgerOf(rows: readonly Row[]): Ledger {
  const found: Ledger = new Map();
  const keys = rows.map(({ account, hour, route, key, unit }) =>
    JSON.stringify([account, hour, route, key, unit]),
  );
  expect(new Set(keys).size).toBe(rows.length);
  for (const { account, hour, route, unit, requests, costMilli, denied } of rows) {
    const isRequests = unit === "requests";
    addUsage(found, [account, hour.replace(/\.000Z$/, "Z"), route], {
      requests,
      denied,
      costMilli: isRequests ? costMilli : 0,
      units: isRequests ? {} : { [unit]: costMilli },
    });
  }
  return found;
}

export interface Trial {
  readonly args: readonly string[];
  readonly environment?: Environment;
  /** Of the destination. */
  readonly rows: () => Promise<Row[]>;
  /** Whether some cells are stored, but not all. */
  readonly isHalfWay: () => Promise<boolean>;
  /** Cells of a page: few, so that there are many. */
  readonly page?: number;
}

/** Killed half way, run to the end, run again, and begun anew: the rows are the ledgers' every time. */
export async function proveExact({ args, environment = {}, rows, isHalfWay, page = 2 }: Trial): Promise<Ran> {
  const all = [...args, "--product", stage.product.url.origin, "--page", String(page)];
  const killed = await cutShort(startExport(all, environment), "SIGKILL", isHalfWay);
  expect(killed.code).toBe("SIGKILL");
  expect((await rows()).length).toBeGreaterThan(0);
  const expected = sorted(stage.ledger);
  expect(sorted(ledgerOf(await rows())).length).toBeLessThan(expected.length);
  const finished = await runExport(all, environment);
  expect(finished, finished.notes).toMatchObject({ code: 0 });
  expect(finished.notes).toContain("resuming from the saved progress");
  expect(sorted(ledgerOf(await rows()))).toEqual(expected);
  const again = await runExport(all, environment);
  expect(again, again.notes).toMatchObject({ code: 0, out: expect.stringMatching(/^0 cells of 0 accounts/) });
  const anew = await runExport([...all, "--restart"], environment);
  expect(anew, anew.notes).toMatchObject({ code: 0 });
  expect(sorted(ledgerOf(await rows()))).toEqual(expected);
  for (const { out, notes } of [killed, finished, again, anew]) {
    for (const secret of Object.values(environment)) expect(`${out}${notes}`).not.toContain(secret);
  }
  return anew;
}
