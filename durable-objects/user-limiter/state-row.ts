/**
 * The state row: everything of a user that must survive, in one row, so that one write makes many decisions durable.
 */
import * as z from "zod/mini";
import type { LeaseBook, OpenLease } from "../../src/core/lease-book.ts";
import { parseJson } from "../../src/json.ts";
import { type Counters, countersSchema } from "./counters.ts";
import { cellSchema, type Ledger } from "./ledger.ts";

export interface StoredState {
  readonly revision: number;
  readonly counters: z.infer<typeof countersSchema>;
  readonly openCells: z.infer<typeof cellSchema>[];
  readonly leases: readonly OpenLease[];
  /** From when on every counter is at rest; null where the user had not paused when the row was written. */
  readonly restsAtMs: number | null;
}

const leaseSchema = z.object({
  id: z.string(),
  milli: z.number(),
  grantedAtMs: z.number(),
  endsAtMs: z.number(),
  counters: z.array(z.string()),
  tier: z.string(),
  route: z.nullable(z.string()),
  keyId: z.nullable(z.string()),
}) satisfies z.ZodMiniType<OpenLease>;

const rowSchema = z.object({
  revision: z.int(),
  counters: z.string(),
  open_cells: z.string(),
  leases: z.string(),
  rests_ms: z.nullable(z.number()),
});

/** The state of an object that was never written. */
export const NOTHING: StoredState = { revision: 0, counters: {}, openCells: [], leases: [], restsAtMs: null };

/**
 * Reads the row; nothing where the object was never written.
 * @throws where the row does not parse: to decide from an empty state instead would hand out a second burst.
 */
export function readState(sql: SqlStorage): StoredState {
  const [found] = sql.exec("SELECT revision, counters, open_cells, leases, rests_ms FROM state").toArray();
  if (!found) return NOTHING;
  const row = rowSchema.parse(found);
  return {
    revision: row.revision,
    counters: countersSchema.parse(parseJson(row.counters)),
    openCells: z.array(cellSchema).parse(parseJson(row.open_cells)),
    leases: z.array(leaseSchema).parse(parseJson(row.leases)),
    restsAtMs: row.rests_ms,
  };
}

/** Writes the row: floors, open leases, open ledger cells and the revision seen, together. */
export function writeState(
  sql: SqlStorage,
  revision: number,
  counters: Counters,
  ledger: Ledger,
  leases: LeaseBook,
  restsAtMs: number | null,
  nowMs: number,
): void {
  const openCells = ledger.write(nowMs);
  sql.exec(
    `INSERT OR REPLACE INTO state (id, revision, counters, open_cells, leases, rests_ms)
     VALUES (1, ?, ?, ?, ?, ?)`,
    revision,
    JSON.stringify(counters.stored()),
    JSON.stringify(openCells),
    JSON.stringify(leases.open),
    restsAtMs,
  );
}
