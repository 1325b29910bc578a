/**
 * The state row: everything that decisions about a user rest on, in one row, so that one write makes many decisions durable. It is in the
 * storage's key-value table, which the runtime creates: a user without an account usually needs no other.
 */
import * as z from "zod/mini";
import { MAX_HEADROOM_MILLI } from "../../src/core/headroom.ts";
import { NO_LEASES, type OpenLease, type PastLife, type StoredLeases } from "../../src/core/lease-book.ts";
import type { LimitState } from "../../src/core/limit.ts";
import { parseJson } from "../../src/json.ts";
import { countersSchema } from "./counters-schema.ts";
import { type Cell, cellSchema, storeCell } from "./ledger.ts";

const KEY = "state";

/**
 * The version of the row's format. Increase it for a format that an older Worker would misread, and read the earlier ones for ever.
 * Unknown fields are rejected too, since the next write would drop them. Format 1 has open leases only, all of them written;
 * format 2 has buckets without their rates.
 */
const FORMAT = 3;

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

const pastLifeSchema = z.strictObject({
  epoch: z.string(),
  last: z.int(),
  metered: z.array(z.int()),
  untilMs: z.number(),
}) satisfies z.ZodMiniType<PastLife>;

const leasesSchema = z.strictObject({
  open: z.array(leaseSchema),
  ended: z.array(leaseSchema),
  epoch: z.string(),
  last: z.int(),
  past: z.array(pastLifeSchema),
}) satisfies z.ZodMiniType<StoredLeases>;

export interface StoredState {
  /** The newest policy revision that decided for the user. */
  readonly revision: number;
  /** The floors, by counter name. */
  readonly counters: Readonly<Record<string, LimitState>>;
  /** Ledger cells that are not in the table. */
  readonly openCells: readonly Readonly<Cell>[];
  readonly leases: StoredLeases;
  /** Until when leases may be spent that the row does not hold; 0: it holds all. */
  readonly coversUntilMs: number;
  /** When every counter is at rest; null if the user had not paused when the row was written. */
  readonly restsAtMs: number | null;
}

const stateSchema = z.strictObject({
  revision: z.int(),
  counters: countersSchema,
  openCells: z.array(cellSchema),
  leases: leasesSchema,
  coversUntilMs: z.number(),
  restsAtMs: z.nullable(z.number()),
}) satisfies z.ZodMiniType<StoredState>;

const firstStateSchema = z.strictObject({
  revision: z.int(),
  counters: countersSchema,
  openCells: z.array(cellSchema),
  leases: z.array(leaseSchema),
  restsAtMs: z.nullable(z.number()),
});

const NEWER = "the state row is missing or has a format this Worker does not know: deploy a newer Worker";

const rowSchema = z.discriminatedUnion(
  "format",
  [
    z.strictObject({ format: z.literal(1), state: firstStateSchema }),
    z.strictObject({ format: z.literal([2, FORMAT]), state: stateSchema }),
  ],
  NEWER,
);

/** The state of an object before its first decision. */
const NOTHING: StoredState = {
  revision: 0,
  counters: {},
  openCells: [],
  leases: NO_LEASES,
  coversUntilMs: 0,
  restsAtMs: null,
};

/**
 * Reads the row; an empty state before the first decision.
 * @param isKnown whether there must be a row.
 * @throws if the row does not parse, or is missing: deciding from an empty state would hand out a second burst.
 */
export function readState(kv: SyncKvStorage, isKnown = false): StoredState {
  const row = kv.get(KEY);
  if (row !== undefined) {
    const parsed = rowSchema.parse(row);
    return parsed.format === 1 ? fromFirst(parsed.state) : parsed.state;
  }
  if (isKnown) throw new Error(NEWER);
  return NOTHING;
}

/** Leases without a limit had no amount that meant anything. */
function fromFirst({ leases, ...state }: z.infer<typeof firstStateSchema>): StoredState {
  const open = leases.map((lease) =>
    lease.milli > 2 ** 49 ? { ...lease, milli: MAX_HEADROOM_MILLI } : lease,
  );
  return { ...state, leases: { ...NO_LEASES, open }, coversUntilMs: 0 };
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
    const state = firstStateSchema.parse({
      revision: old.revision,
      counters: parseJson(old.counters),
      openCells: parseJson(old.open_cells),
      leases: parseJson(old.leases),
      restsAtMs: old.rests_ms,
    });
    const before = readState(kv);
    for (const cell of before.openCells) storeCell(sql, cell);
    writeState(kv, { ...fromFirst(state), revision: Math.max(state.revision, before.revision) });
  }
  sql.exec("DROP TABLE state");
}
