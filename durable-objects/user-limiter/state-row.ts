/**
 * The state row: everything that decisions about a user rest on, in one row, so that one write makes many decisions durable. It is in the
 * storage's key-value table, which the runtime creates: a user without an account usually needs no other.
 */
import * as z from "zod/mini";
import type { OpenLease } from "../../src/core/lease-book.ts";
import type { LimitState } from "../../src/core/limit.ts";
import { parseJson } from "../../src/json.ts";
import { countersSchema } from "./counters-schema.ts";
import { cellSchema, storeCell } from "./ledger.ts";

const KEY = "state";

/**
 * The version of the row's format. Increase it for a format that this code would misread. Unknown fields are rejected too, since the next
 * write would drop them.
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
  /** The newest policy revision that decided for the user. */
  readonly revision: number;
  /** The floors, by counter name. */
  readonly counters: Readonly<Record<string, LimitState>>;
  /** Ledger cells that are not in the table. */
  readonly openCells: readonly Readonly<z.infer<typeof cellSchema>>[];
  /** Open leases. */
  readonly leases: readonly OpenLease[];
  /** When every counter is at rest; null if the user had not paused when the row was written. */
  readonly restsAtMs: number | null;
}

const stateSchema = z.strictObject({
  revision: z.int(),
  counters: countersSchema,
  openCells: z.array(cellSchema),
  leases: z.array(leaseSchema),
  restsAtMs: z.nullable(z.number()),
}) satisfies z.ZodMiniType<StoredState>;

const NEWER = "the state row is missing or has a format this Worker does not know: deploy a newer Worker";

const rowSchema = z.strictObject({
  format: z.literal(FORMAT, NEWER),
  state: stateSchema,
});

/** The state of an object before its first decision. */
const NOTHING: StoredState = { revision: 0, counters: {}, openCells: [], leases: [], restsAtMs: null };

/**
 * Reads the row; an empty state before the first decision.
 * @param isKnown whether there must be a row.
 * @throws if the row does not parse, or is missing: deciding from an empty state would hand out a second burst.
 */
export function readState(kv: SyncKvStorage, isKnown = false): StoredState {
  const row = kv.get(KEY);
  if (row !== undefined) return rowSchema.parse(row).state;
  if (isKnown) throw new Error(NEWER);
  return NOTHING;
}

/** Writes the whole row. */
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
 * A migration: the state used to be the only row of a table. If there are rows of both kinds, an older Worker that did not know the newer
 * kind has decided for a while: its row is in force, and the usage counted in the other is still billed.
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
