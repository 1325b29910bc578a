/** A user's object in memory, loaded from storage. Discarded whole if a write fails, so that memory never runs ahead of storage. */
import { LeaseBook } from "../../src/core/lease-book.ts";
import type { LimitState } from "../../src/core/limit.ts";
import type { Charge } from "../../src/core/plan.ts";
import { chargesFor, scopeOf } from "../../src/policy/charges.ts";
import type { Route, Tier } from "../../src/policy/compiled.ts";
import { isVersioned, migrate, schemaVersion, versionWithoutTables } from "../migrations.ts";
import { type Deliver, Outbox } from "../outbox.ts";
import { AccountStore } from "./account-store.ts";
import { AuditTrail } from "./audit-trail.ts";
import { Counters } from "./counters.ts";
import { KeyRing } from "./key-ring.ts";
import { Ledger } from "./ledger.ts";
import { QuotaHistory } from "./quota-history.ts";
import { RememberedDecisions } from "./remembered-decisions.ts";
import { MIGRATIONS } from "./schema.ts";
import { readState, writeState } from "./state-row.ts";

/** The last request's charges. Policies are immutable: a new revision has other tiers and routes. */
interface LastCharges {
  readonly tier: Tier;
  readonly route: Route | null;
  readonly keyId: string | null;
  readonly charges: readonly Charge[];
}

export class Memory {
  readonly counters: Counters;
  readonly ledger: Ledger;
  readonly leases: LeaseBook;
  readonly accounts: AccountStore;
  readonly keys: KeyRing;
  readonly audit: AuditTrail;
  readonly outbox: Outbox;
  readonly remembered: RememberedDecisions;
  /** The newest policy revision that decided for this user. Never goes back. */
  revision: number;
  /** Whether anything was counted since the exact state was last written. */
  needsCheckpoint = false;
  /** Whether this turn's answers rest on state that is not stored yet: write it before they leave. */
  mustWrite = false;
  readonly #storage: DurableObjectStorage;
  #restsAtMs: number | null;
  #hasTables: boolean;
  #isVersioned: boolean;
  #charged: LastCharges | null = null;
  readonly #history: QuotaHistory;

  constructor(storage: DurableObjectStorage, deliver: Deliver) {
    this.#storage = storage;
    this.#hasTables = schemaVersion(storage) > 0;
    this.#isVersioned = isVersioned(storage);
    if (this.#hasTables) migrate(storage, MIGRATIONS);
    const stored = readState(storage.kv, this.#isVersioned && !this.#hasTables);
    this.revision = stored.revision;
    this.#restsAtMs = stored.restsAtMs;
    this.ledger = new Ledger(storage.sql, stored.openCells);
    this.leases = new LeaseBook(stored.leases);
    this.outbox = new Outbox(storage.sql, deliver);
    this.accounts = new AccountStore(storage.sql, this.outbox, this.#hasTables);
    this.keys = new KeyRing(storage.sql, this.outbox, this.#hasTables);
    this.#history = new QuotaHistory(storage.sql, this.ledger, this.keys, () => this.#hasTables);
    this.counters = new Counters(stored.counters, this.#history);
    if (stored.restsAtMs === null) this.#countLost(stored.counters);
    this.audit = new AuditTrail(storage.sql);
    this.remembered = new RememberedDecisions(storage.sql, this.#hasTables);
  }

  /**
   * The charges of a request, made anew only if the tier, the route or the key differs from the last request's. A key uses the counters
   * of the first key of its lineage.
   */
  chargesFor(tier: Tier, route: Route | null, keyId: string | null): readonly Charge[] {
    const last = this.#charged;
    if (last?.tier === tier && last.route === route && last.keyId === keyId) return last.charges;
    const charges = chargesFor(tier, route, keyId && this.keys.originOf(keyId));
    this.#charged = { tier, route, keyId, charges };
    return charges;
  }

  /** Whether the object has tables: not until there is an account, an idempotency key, or more than the state row holds. */
  get hasTables(): boolean {
    return this.#hasTables;
  }

  /** When all counters come to rest; null if the user has not paused. */
  get restsAtMs(): number | null {
    return this.needsCheckpoint ? null : this.#restsAtMs;
  }

  /** Runs changes of storage as one transaction. Creates the tables first if there are none. */
  transact<T>(changes: () => T): T {
    return this.#storage.transactionSync(() => {
      if (!this.#hasTables) {
        migrate(this.#storage, MIGRATIONS);
        this.#hasTables = this.#isVersioned = true;
      }
      return changes();
    });
  }

  /** Refills the limits of these names, or all (null), for good. Call in the transaction that writes the state. */
  reset(names: readonly string[] | null, nowMs: number): void {
    this.counters.reset(names);
    this.#history.reset(names, nowMs);
  }

  /** Writes the exact state if it has changed. Call when the user has paused. */
  checkpoint(nowMs: number): void {
    if (!this.needsCheckpoint) return;
    this.makeExact(nowMs);
    this.save(nowMs);
  }

  /** Writes the state: usually one row, which needs no transaction. The first time also the schema version. */
  save(nowMs: number): void {
    if (this.ledger.hasToMove(nowMs, this.#hasTables)) this.transact(() => this.writeState(nowMs));
    else if (this.#isVersioned) this.writeState(nowMs);
    else this.#saveFirst(nowMs);
  }

  #saveFirst(nowMs: number): void {
    this.#storage.transactionSync(() => {
      versionWithoutTables(this.#storage);
      this.writeState(nowMs);
    });
    this.#isVersioned = true;
  }

  /** Makes the next write one of the exact state, without headroom. */
  makeExact(nowMs: number): void {
    // Open leases may still be charged: the checkpoint after that finds out when the counters come to rest.
    const isLeased = this.leases.closesAtMs !== null;
    this.#restsAtMs = isLeased ? null : this.counters.restsAtMs(nowMs, this.#restsAtMs);
    this.counters.checkpoint(nowMs, (keyId) => this.keys.hasHeir(keyId), this.leases);
    this.needsCheckpoint = isLeased;
  }

  /**
   * The object died before it wrote its exact state. A quota's floor then includes what may have been admitted since, the ledger does
   * not. Adds the difference to the ledger as unbilled usage, so that it counts under any other definition too.
   */
  #countLost(stored: Readonly<Record<string, LimitState>>): void {
    const narrowFirst = Object.keys(stored).toSorted((a, b) => partsOf(b) - partsOf(a));
    for (const counter of narrowFirst) {
      const floor = stored[counter];
      // A floor that an older Worker wrote may count more than was used.
      if (floor?.kind !== "quota" || floor.anchorDay === undefined) continue;
      const lostMilli = floor.usedMilli - this.#history.usedMilli(counter, floor);
      const { route, keyId } = scopeOf(counter);
      if (lostMilli > 0) this.ledger.lose(floor.atMs, route, keyId, lostMilli);
    }
  }

  /** Writes floors, leases, ledger and revision. Call within {@link transact}, or through {@link save}. */
  writeState(nowMs: number): void {
    writeState(this.#storage.kv, {
      revision: this.revision,
      counters: this.counters.stored(),
      openCells: this.ledger.write(nowMs, this.#hasTables),
      leases: this.leases.open,
      restsAtMs: this.restsAtMs,
    });
    this.mustWrite = false;
  }
}

/** Whether a counter is scoped to a key or a route (1), both (2) or neither (0). */
function partsOf(counter: string): number {
  const { keyId, route } = scopeOf(counter);
  return Number(keyId !== null) + Number(route !== null);
}
