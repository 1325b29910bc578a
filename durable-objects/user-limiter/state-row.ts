/**
 * The state row: everything of a user that decisions rest on, in one row, so that one write makes many decisions durable. A row of
 * the storage's own key-value table, which the runtime makes: a user without an account mostly needs no other.
 */
import * as z from "zod/mini";
import type { OpenLease } from "../../src/core/lease-book.ts";
import type { LimitState } from "../../src/core/limit.ts";
import { parseJson } from "../../src/json.ts";
import { countersSchema } from "./counters-schema.ts";
import { cellSchema, storeCell } from "./ledger.ts";

const KEY = "state";

/**
 * The version of the row's shape. A shape that this code would misread needs another one. An unknown field is rejected too, since the
 * next write would drop it.
 */
const FORMAT = 1;

const leaseSchema = z.strictObject({
  id: z.string(),
  milli: z.number(),
  grantedAtMs: z.number(),
  endsAtMs: z.number(),
  counters: z.array(z.string()),
  tier: z.string(),
  route: z.nullable(z.string()),
  keyId: z.nullable(z.string()),
  revision: z.optional(z.int()),
}) satisfies z.ZodMiniType<OpenLease>;

export interface StoredState {
  /** The newest policy revision that the user was decided by. */
  readonly revision: number;
  /** The floors, by counter name. */
  readonly counters: Readonly<Record<string, LimitState>>;
  /** Cells of the ledger that are not in its table. */
  readonly openCells: readonly Readonly<z.infer<typeof cellSchema>>[];
  /** Leases that are out. */
  readonly leases: readonly OpenLease[];
  /** From when on every counter is at rest; null where the user had not paused when the row was written. */
  readonly restsAtMs: number | null;
}

const stateSchema = z.strictObject({
  revision: z.int(),
  counters: countersSchema,
  openCells: z.array(cellSchema),
  leases: z.array(leaseSchema),
  restsAtMs: z.nullable(z.number()),
}) satisfies z.ZodMiniType<StoredState>;

const NEWER = "the state was written by another Worker: deploy a newer one";

const rowSchema = z.strictObject({
  format: z.literal(FORMAT, NEWER),
  state: stateSchema,
});

/** The state of an object that has decided nothing yet. */
const NOTHING: StoredState = { revision: 0, counters: {}, openCells: [], leases: [], restsAtMs: null };

/**
 * Reads the row; nothing where the object has decided nothing yet.
 * @param isKnown whether there must be a row.
 * @throws if the row does not parse, or is missing: to decide from an empty state instead would hand out a second burst.
 */
export function readState(kv: SyncKvStorage, isKnown = false): StoredState {
  const row = kv.get(KEY);
  if (row !== undefined) return rowSchema.parse(row).state;
  if (isKnown) throw new Error(NEWER);
  return NOTHING;
}

/** Writes the row whole. */
export function writeState(kv: SyncKvStorage, state: StoredState): void {
  kv.put(KEY, { format: FORMAT, state });
}

const oldRowSchema = z.object({
  revision: z.int(),
  counters: z.string(),
  open_cells: z.string(),
  leases: z.string(),
  rests_ms: z.nullable(z.number()),
});

/**
 * A migration: the state was a table's one row once. Where there is a row of both kinds, an older Worker that did not know the newer
 * kind has decided for a while: what it wrote is in force, and what was counted before that is still billed.
 */
export function moveStateTable({ sql, kv }: DurableObjectStorage): void {
  const [found] = sql.exec("SELECT revision, counters, open_cells, leases, rests_ms FROM state").toArray();
  if (found) {
    const old = oldRowSchema.parse(found);
    const state = stateSchema.parse({
      revision: old.revision,
      counters: parseJson(old.counters),
      openCells: parseJson(old.open_cells),
      leases: parseJson(old.leases),
      restsAtMs: old.rests_ms,
    });
    const before = readState(kv);
    for (const cell of before.openCells) storeCell(sql, cell);
    writeState(kv, { ...state, revision: Math.max(state.revision, before.revision) });
  }
  sql.exec("DROP TABLE state");
}
