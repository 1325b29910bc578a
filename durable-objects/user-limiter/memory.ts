/** A user's object in memory, loaded from storage. Discarded whole if a write fails, so that memory never runs ahead of storage. */
import { loadedBilling } from "../../src/billing-module.ts";
import type { Span } from "../../src/core/calendar.ts";
import { headroomMilli } from "../../src/core/headroom.ts";
import { atStart, LeaseBook } from "../../src/core/lease-book.ts";
import { MAX_REPEAT_MS } from "../../src/core/decision.ts";
import type { LimitState } from "../../src/core/limit.ts";
import type { Charge, States } from "../../src/core/plan.ts";
import type { OpenReservation } from "../../src/core/reservation-book.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { REQUESTS, type UnitCosts } from "../../src/core/unit-costs.ts";
import { loadedEvents } from "../../src/event-module.ts";
import { type KeyMode, modeOf, TEST_KEY } from "../../src/identity/key-mode.ts";
import { chargesFor, isShadowCounter, limitOf, scopeOf, shadowChargesFor } from "../../src/policy/charges.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import type { Route, Tier } from "../../src/policy/compiled.ts";
import { isVersioned, migrate, schemaVersion, versionWithoutTables } from "../migrations.ts";
import type { AccountEvents, EventKinds } from "../events/account-events.ts";
import { objectMetrics } from "../object-metrics.ts";
import { type Accept, type Deliver, Outbox } from "../outbox.ts";
import { AccountStore } from "./account-store.ts";
import { AdminCalls } from "./admin-calls.ts";
import { AuditTrail } from "./audit-trail.ts";
import type { Advance, BillingDesk } from "./billing/billing-desk.ts";
import type { Closing } from "./billing/closing.ts";
import { isExcess } from "./counter-names.ts";
import { Counters } from "./counters.ts";
import { firstUnexported } from "./exported-hours.ts";
import { KeyRing } from "./key-ring.ts";
import { chargeExpired } from "./lease-settlement.ts";
import { Ledger } from "./ledger.ts";
import { QuotaHistory } from "./quota-history.ts";
import { RememberedDecisions } from "./remembered-decisions.ts";
import { Reservations } from "./reservations.ts";
import { MIGRATIONS } from "./schema.ts";
import { ShadowDenials } from "./shadow-denials.ts";
import { readState, writeState } from "./state-row.ts";

/** How long after a write leases may be open that it does not hold: as long as a floor covers any, about. */
const COVERS_MS = 10_000;

/** The last request's charges. Policies are immutable: a new revision has other tiers and routes. */
interface LastCharges {
  readonly tier: Tier;
  readonly route: Route | null;
  readonly keyId: string | null;
  readonly charges: readonly Charge[];
  readonly shadow: readonly Charge[] | null;
}

export class Memory {
  readonly counters: Counters;
  readonly ledger: Ledger;
  readonly leases: LeaseBook;
  readonly accounts: AccountStore;
  readonly keys: KeyRing;
  readonly audit: AuditTrail;
  readonly calls: AdminCalls;
  readonly outbox: Outbox;
  readonly remembered: RememberedDecisions;
  readonly reservations: Reservations;
  /** The newest policy revision that decided for this user. Never goes back. */
  revision: number;
  /** When this memory last decided or charged anything, by the newest policy known then. */
  #adoptedMs = -Infinity;
  /** When this memory was loaded, by the object's clock. */
  readonly loadedAtMs: number;
  /** Until when isolates may spend leases of earlier lives that storage does not have, by the clock of those lives; 0: there are none. */
  readonly unknownUntilMs: number;
  /** When a limit last denied a request, or one in shadow would have. */
  deniedAtMs = -Infinity;
  /** Until when isolates may repeat a denial. */
  deniedUntilMs = -Infinity;
  /** Whether anything was counted since the exact state was last written. */
  needsCheckpoint = false;
  /** Whether this turn's answers rest on state that is not stored yet: write it before they leave. */
  mustWrite = false;
  readonly #storage: DurableObjectStorage;
  readonly #env: object;
  /** As {@link unknownUntilMs}, for the leases that the next load will not know. */
  #coversUntilMs: number;
  /** Whether the next write is one of the exact state. */
  #isExact = false;
  /** Of the last answer's limits. Before the first one, each settlement is written: which limits it counts in may be unknown. */
  #headroomMilli = 0;
  /** The charges of the last answer, for their headroom in other units; null: none. */
  #relied: readonly Charge[] | null = null;
  /** What the floors of quotas counted and the ledger did not when this memory was loaded. */
  readonly #lost: Loss[] = [];
  #restsAtMs: number | null;
  #hasTables: boolean;
  #isVersioned: boolean;
  #charged: LastCharges | null = null;
  readonly #history: QuotaHistory;
  readonly shadowDenials = new ShadowDenials();
  #billing: BillingDesk | null = null;
  #closing: Closing | null = null;
  readonly #eventKinds: EventKinds;
  #events: AccountEvents | null = null;
  /** A close has failed: not before this moment again. */
  closesNotBeforeMs = -Infinity;

  /** @param env of the deployment: says whether invoices go to Stripe. Default: they do not. */
  constructor(
    storage: DurableObjectStorage,
    deliver: Deliver,
    accept: Accept,
    env: object = {},
    eventKinds: EventKinds = () => null,
  ) {
    this.#storage = storage;
    this.#env = env;
    this.#eventKinds = eventKinds;
    this.#hasTables = schemaVersion(storage) > 0;
    this.#isVersioned = isVersioned(storage);
    if (this.#hasTables) migrate(storage, MIGRATIONS);
    const stored = readState(storage.kv, this.#isVersioned && !this.#hasTables);
    this.revision = stored.revision;
    this.#restsAtMs = stored.restsAtMs;
    this.ledger = new Ledger(storage.sql, stored.openCells);
    this.loadedAtMs = Date.now();
    if (this.#hasTables) this.ledger.firstOpenHour = firstUnexported(storage.kv, this.loadedAtMs);
    this.unknownUntilMs = this.#coversUntilMs = stored.coversUntilMs;
    const writtenAtMs = stored.coversUntilMs === 0 ? Infinity : stored.coversUntilMs - COVERS_MS;
    const open = atStart(stored.leases.open, writtenAtMs, this.loadedAtMs);
    const epoch = crypto.randomUUID().slice(0, 8);
    this.leases = new LeaseBook({ ...stored.leases, open }, epoch, this.loadedAtMs);
    this.outbox = new Outbox(storage.sql, deliver, accept);
    const events = (): AccountEvents | null => this.events;
    this.accounts = new AccountStore(storage.sql, this.outbox, this.#hasTables, events);
    this.keys = new KeyRing(storage.sql, this.outbox, this.#hasTables, events);
    this.#history = new QuotaHistory(storage.sql, this.ledger, this.keys, () => this.#hasTables);
    const isExact = stored.coversUntilMs === 0;
    this.reservations = new Reservations(storage.sql, this.#hasTables, isExact, this.loadedAtMs);
    this.ledger.reserved = () => this.reservations.cells(Date.now());
    this.counters = new Counters(stored.counters, this.loadedAtMs, this.#history, this.reservations.book);
    this.audit = new AuditTrail(storage.sql);
    this.calls = new AdminCalls(storage.sql);
    this.remembered = new RememberedDecisions(storage.sql, this.#hasTables);
    if (stored.restsAtMs === null) this.#countLost(stored.counters);
  }

  /** What queues the account's events; null: the policy reports none. */
  get events(): AccountEvents | null {
    if (this.#eventKinds() === null) return null;
    this.#events ??= loadedEvents()?.accountEventsOf(this, this.#storage.sql, this.#eventKinds) ?? null;
    return this.#events;
  }

  /** The account's billing; null until the isolate has loaded what it needs, as it has if the account or the policy is billed. */
  get billing(): BillingDesk | null {
    if (this.#billing) return this.#billing;
    const { accounts, ledger, audit } = this;
    const hasTables = (): boolean => this.#hasTables;
    const usedMilli = (counter: string, span: Span): number => this.#history.usedMilli(counter, span);
    const lentMilli = (): number => {
      const leased = this.leases.openMilli(({ keyId }) => modeOf(keyId) === "live");
      const reserved = this.reservations.cells(Date.now()).filter(({ keyId }) => modeOf(keyId) === "live");
      return reserved.reduce((sum, { costMilli }) => sum + costMilli, leased);
    };
    const events = (): AccountEvents | null => this.events;
    const parts = { accounts, ledger, audit, hasTables, usedMilli, lentMilli, events };
    return (this.#billing = loadedBilling()?.deskOf(this.#storage.sql, parts) ?? null);
  }

  /** What closes the account's billing periods; null as {@link billing}. */
  get closing(): Closing | null {
    if (this.#closing) return this.#closing;
    const { accounts, audit, billing, outbox } = this;
    if (billing === null) return null;
    const events = (): AccountEvents | null => this.events;
    const parts = { desk: billing, accounts, audit, outbox, events };
    return (this.#closing = loadedBilling()?.closingOf(this.#storage.sql, parts, this.#env) ?? null);
  }

  /** When a step of closing a billing period is due; Infinity: none. */
  get closingMs(): number {
    const dueMs = this.#hasTables ? (this.closing?.dueMs ?? Infinity) : Infinity;
    return Math.max(dueMs, this.closesNotBeforeMs);
  }

  /** Whether the policy rejects requests because an invoice of the account is past due. */
  isOverdue({ billing }: Policy): boolean {
    if (billing?.blockPastDue !== true || this.accounts.account === null) return false;
    return this.closing?.hasOverdue ?? false;
  }

  /** When the object's alarm must run next for its outbox or its billing; null: it need not. */
  nextAlarmMs(nowMs: number): number | null {
    const eventsMs = this.events?.dueMs ?? Infinity;
    const dueMs = Math.min(this.outbox.nextDueMs(nowMs) ?? Infinity, this.closingMs, eventsMs);
    return dueMs === Infinity ? null : dueMs;
  }

  /**
   * The charges of a request, and those of its limits in shadow (null: it has none), made anew only if the tier, the route or the key
   * differs from the last request's. A key uses the counters of the first key of its lineage.
   */
  chargesFor(tier: Tier, route: Route | null, keyId: string | null): Pick<LastCharges, "charges" | "shadow"> {
    const last = this.#charged;
    if (last?.tier === tier && last.route === route && last.keyId === keyId) return last;
    const origin = keyId && this.keys.originOf(keyId);
    const charges = chargesFor(tier, route, origin);
    const shadow = shadowChargesFor(tier, route, origin);
    this.#charged = { tier, route, keyId, charges, shadow };
    return this.#charged;
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

  /** A reservation from before a reset has cost so much more (negative: less) than the reset has forgiven. */
  forgiveLess(reservation: OpenReservation, moreMilli: number, more: UnitCosts): void {
    if (reservation.reset.length > 0) {
      this.transact(() => this.#history.forgiveLess(reservation, moreMilli, more));
    }
  }

  /** Ends the reservations whose time is over. */
  expireReservations(nowMs: number): void {
    const expired = this.reservations.expire(nowMs);
    if (expired === 0) return;
    objectMetrics.add("reservations", ["expired"], expired);
    this.needsCheckpoint = true;
  }

  /** The answers of this turn rest on these charges, whose smallest headroom bounds the unwritten ledger. */
  relyOn(charges: readonly Charge[], exact: boolean): void {
    this.#headroomMilli = exact ? 0 : headroomMilli(charges);
    this.#relied = exact ? null : charges;
  }

  /**
   * Takes a policy into use if it is newer, and notes that nobody knew of a newer one until now.
   * @param asked the tier that a request names.
   */
  adoptPolicy(policy: Policy, asked: string, nowMs: number): void {
    if (policy.revision > this.revision) {
      this.#changeLimits(policy, asked, nowMs, this.unchangedUntilMs(policy, nowMs));
      this.revision = policy.revision;
      this.mustWrite = true;
    }
    this.#adoptedMs = nowMs;
  }

  /** Until when limits were as they are: now, or, under a newer policy, when something was last decided by the one before. */
  unchangedUntilMs({ revision }: Policy, nowMs: number): number {
    if (revision <= this.revision) return nowMs;
    return this.#adoptedMs <= nowMs ? this.#adoptedMs : -Infinity;
  }

  /** The states for answers that take no policy into use and charge nothing: as if this one were in use. */
  forecast(charges: readonly Charge[], policy: Policy, nowMs: number): States {
    if (policy.revision <= this.revision) return this.counters.live;
    return this.counters.forecast(charges, this.unchangedUntilMs(policy, nowMs), nowMs);
  }

  /**
   * Does what is due in billing, and writes it with the state. Call in each turn, before it decides.
   * @returns whether the account has changed, so that there is something to publish.
   */
  advanceBilling(policy: Policy, nowMs: number): boolean {
    const { billing } = this;
    if (!billing?.isDue(policy, nowMs)) return false;
    if (!billing.isBilled(policy)) return billing.advance(policy, nowMs).isPublished;
    const unchangedMs = this.unchangedUntilMs(policy, nowMs);
    return this.transact(() => {
      const { isStored, isPublished, changedMs } = this.doDueBilling(policy, nowMs);
      if (isStored) {
        this.#changeLimits(policy, null, nowMs, Math.min(unchangedMs, changedMs ?? nowMs));
        this.writeState(nowMs);
      }
      return isPublished;
    });
  }

  /** What is reported of a frozen hour of a billed account never changes: storage knows from now on that it is frozen. */
  keepFrozenHours(nowMs: number): void {
    const { billing } = this;
    if (billing?.mustStoreFreeze(nowMs)) this.transact(() => billing.keepFrozen(nowMs));
  }

  /** As {@link advanceBilling}, within a transaction that changes limits and writes the state anyway. */
  doDueBilling(policy: Policy, nowMs: number): Advance {
    const advance = this.billing?.advance(policy, nowMs) ?? NOT_BILLED;
    // An older policy must not end what this one has begun.
    if (advance.isStored) this.revision = Math.max(this.revision, policy.revision);
    return advance;
  }

  /**
   * The limits of the account have changed. Call in the turn of the change: the time until now counts at the rates of before.
   * @param policy null: none is loaded that is as new as the user's.
   * @param sinceMs when they may have changed at the earliest, since the policy is newer.
   */
  changeLimits(policy: Policy | null, nowMs: number, sinceMs: number): void {
    if (policy === null) this.counters.changeLimits(sinceMs, nowMs, () => null);
    else this.#changeLimits(policy, null, nowMs, sinceMs);
  }

  #changeLimits(policy: Policy, asked: string | null, nowMs: number, sinceMs: number): void {
    // Leases that expired before: what is charged for them refills at the rates of before, too.
    if (chargeExpired(this, policy, nowMs, false, sinceMs)) this.needsCheckpoint = true;
    const name = this.accounts.account?.tier ?? asked;
    const tier = name === null ? null : this.accounts.adjust(tierOf(policy, name), nowMs);
    this.counters.changeLimits(sinceMs, nowMs, (counter) => tier && limitOf(policy, tier, counter));
  }

  /**
   * Queues the alerts of thresholds that usage has reached. Call at the end of a turn, if the policy reports events.
   * @returns whether any event was queued in this turn, so that there is something to publish.
   */
  reportAlerts(policy: Policy, nowMs: number): boolean {
    const { billing, events } = this;
    if (billing?.isAlertDue(this.counters.live) === true) {
      this.transact(() => billing.alert(policy, this.counters.live, nowMs));
    }
    return events?.takeQueued() ?? false;
  }

  /** A limit has denied a request. */
  denied(nowMs: number): void {
    this.deniedAtMs = nowMs;
    this.deniedUntilMs = nowMs + MAX_REPEAT_MS;
  }

  /** Whether the row must be written before this turn's answers leave. */
  isWriteDue(nowMs: number): boolean {
    const { ledger, leases } = this;
    const isDue =
      this.mustWrite ||
      ledger.isLong ||
      ledger.unwrittenMilli > this.#headroomMilli ||
      (ledger.unwrittenUnits !== null && this.#lacksHeadroom(ledger.unwrittenUnits)) ||
      // A restarted object must know that leases may be open that it does not know.
      leases.unwrittenUntilMs > this.#coversUntilMs;
    return this.counters.secure(leases, isDue, nowMs);
  }

  /** Whether more of another unit is unwritten than a crash may lose. */
  #lacksHeadroom(unwritten: UnitCosts): boolean {
    const relied = this.#relied;
    return unwritten.some(([unit, milli]) => milli > (relied === null ? 0 : headroomMilli(relied, unit)));
  }

  /** A settlement of an earlier life was metered, of a key of this mode: so much is not lost any more. */
  recover(costMilli: number, keyMode: KeyMode): void {
    let left = costMilli;
    for (const loss of this.#lost) {
      // What a counter of the other mode has lost was not metered now.
      if (loss.mode !== null && loss.mode !== keyMode) continue;
      const found = Math.min(left, loss.milli);
      loss.milli -= found;
      if (found > 0) this.ledger.lose(loss.atMs, null, loss.keyId, -found);
      left -= found;
    }
  }

  /** Writes the exact state if it has changed. Call when the user has paused. */
  checkpoint(nowMs: number): void {
    if (!this.needsCheckpoint) return;
    this.makeExact(nowMs);
    this.save(nowMs);
  }

  /** Writes the state: usually one row, which needs no transaction. The first time also the schema version. */
  save(nowMs: number): void {
    const isTransaction =
      this.reservations.mustWrite(this.#isExact) || this.ledger.hasToMove(nowMs, this.#hasTables);
    if (isTransaction) this.transact(() => this.writeState(nowMs));
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
    const isLeased = this.leases.hasOpen;
    this.#restsAtMs = isLeased ? null : this.counters.restsAtMs(nowMs, this.#restsAtMs);
    this.counters.checkpoint(nowMs, (keyId) => this.keys.hasHeir(keyId), this.leases);
    this.needsCheckpoint = isLeased;
    this.#isExact = true;
  }

  /**
   * The object died before it wrote its exact state. A quota's floor then includes what may have been admitted since, the ledger does
   * not. Adds the difference to the ledger as unbilled usage, so that it counts under any other definition too.
   */
  #countLost(stored: Readonly<Record<string, LimitState>>): void {
    // Billing knows which hours are frozen.
    void this.billing;
    const openMs = this.ledger.firstOpenHour * HOUR_MS;
    const narrowFirst = Object.keys(stored).toSorted((a, b) => partsOf(b) - partsOf(a));
    for (const counter of narrowFirst) {
      const floor = stored[counter];
      // A floor that an older Worker wrote may count more than was used.
      if (floor?.kind !== "quota" || floor.anchorDay === undefined) continue;
      // What was admitted is more than a quota in shadow counts.
      if (isShadowCounter(counter) || isExcess(counter)) continue;
      // The clock has stepped back: what counts in a frozen period is in a later hour of the ledger, so nothing shows a loss.
      if (floor.endMs <= openMs) continue;
      const lostMilli = floor.usedMilli - this.#history.usedMilli(counter, floor);
      const { unit, route, keyId, mode } = scopeOf(counter);
      if (lostMilli <= 0) continue;
      const countsFor = mode === "test" ? TEST_KEY : keyId;
      if (unit !== REQUESTS) {
        this.ledger.lose(floor.atMs, route, countsFor, 0, [[unit, lostMilli]]);
        continue;
      }
      this.ledger.lose(floor.atMs, route, countsFor, lostMilli);
      if (route === null && keyId === null) {
        this.#lost.push({ atMs: floor.atMs, mode, keyId: countsFor, milli: lostMilli });
      }
    }
  }

  /** Writes floors, leases, ledger and revision. Call within {@link transact}, or through {@link save}. */
  writeState(nowMs: number): void {
    this.reservations.write(this.#isExact);
    this.#coversUntilMs = this.#isExact ? 0 : nowMs + COVERS_MS;
    this.#isExact = false;
    writeState(this.#storage.kv, {
      revision: this.revision,
      counters: this.counters.stored(),
      openCells: this.ledger.write(nowMs, this.#hasTables),
      leases: this.leases.write(nowMs),
      coversUntilMs: this.#coversUntilMs,
      restsAtMs: this.restsAtMs,
    });
    this.mustWrite = false;
  }
}

const NOT_BILLED: Advance = { isStored: false, isPublished: false, changedMs: null };

/** Usage that a floor counted and the ledger did not. Millitokens. */
interface Loss {
  readonly atMs: number;
  /** Whose requests the counter counts; null: all. */
  readonly mode: KeyMode | null;
  /** Of the ledger's cell. */
  readonly keyId: string | null;
  milli: number;
}

/** How narrow a counter's scope is: a key or a route counts more than a mode, both more than one. */
function partsOf(counter: string): number {
  const { keyId, mode, route } = scopeOf(counter);
  return 2 * Number(keyId !== null) + 2 * Number(route !== null) + Number(mode !== null);
}
