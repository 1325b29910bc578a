/**
 * The leases of the object for the replay's judge: which are open, what is set aside for them, and which a crash opens again. Shares no
 * code with the product.
 */
import type { Lease } from "../../src/objects/object-call.ts";
import type { CountedRule } from "./account-model.ts";
import type { Loss, Turn } from "./history.ts";
import { counterOf } from "./model.ts";
import type { Rule } from "./policies.ts";

/** The longest time of a lease. */
export const LEASE_MS = 1_000;
const SETTLE_GRACE_MS = 5_000;
/** After its end, a lease is metered for this long. */
const METERED_MS = 12_000;
/** More than any limit here holds: leases of at least this were lent without a limit. */
const UNLIMITED_MILLI = 2 ** 49;

/** A lease as it was lent. */
export interface LentLease {
  readonly lease: Lease;
  readonly lentAtMs: number;
  readonly closesMs: number;
  readonly rules: readonly CountedRule[];
  /** How often the state had been written before the lease was lent. */
  readonly rowsBefore: number;
  /** What was charged for it. */
  readonly chargedMilli: number;
}

/** A lease that the object has settled, perhaps only in its memory. */
interface SettledLease extends LentLease {
  /** How often the state had been written before that. */
  readonly settledRows: number;
}

/** What is to be charged for a lease. */
interface Charge {
  readonly lent: LentLease;
  readonly milli: number;
}

/** What open leases hold of a counter. */
export interface LentOf {
  /** What nothing has charged yet. */
  readonly lentMilli: number;
  /** The whole of the leases: a crash may have lost that some of it was charged, and the object then sets all of it aside again. */
  readonly setAsideMilli: number;
  /** When the last of them is charged or free. */
  readonly lentUntilMs: number;
}

export class LentLeases {
  readonly #lent = new Map<string, LentLease>();
  readonly #open = new Map<string, LentLease>();
  #unsureUntilMs = -Infinity;
  /** By this life of the object. */
  readonly #settled = new Map<string, SettledLease>();

  /** Any lease that was ever lent. */
  get(id: string): LentLease | undefined {
    return this.#lent.get(id);
  }

  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  /** @param lentAtMs in whose period it is spent. */
  lend(lease: Lease, rules: readonly CountedRule[], lentAtMs: number, turn: Turn): void {
    const { localMs, rowsBefore, isStale } = turn;
    const closesMs = localMs + lease.forMs + SETTLE_GRACE_MS;
    const lent = { lease, lentAtMs, closesMs, rules, rowsBefore, chargedMilli: 0 };
    this.#lent.set(lease.id, lent);
    if (!isStale) this.#open.set(lease.id, lent);
  }

  /** Whether a settlement of this lease is metered now. */
  isMetered(id: string, { localMs }: Turn): boolean {
    const lent = this.#lent.get(id);
    return (
      lent !== undefined && (this.#open.has(id) || localMs < lent.closesMs - SETTLE_GRACE_MS + METERED_MS)
    );
  }

  /** Settles a lease if it is open. @returns what is to be charged now. */
  settle(id: string, spentMilli: number, { rowsBefore }: Turn): Charge | null {
    const lent = this.#open.get(id);
    if (!lent) return null;
    this.#open.delete(id);
    const chargedMilli = Math.max(lent.chargedMilli, spentMilli);
    this.#settled.set(id, { ...lent, chargedMilli, settledRows: rowsBefore });
    return { lent, milli: chargedMilli - lent.chargedMilli };
  }

  /**
   * A settlement is not written by itself. If the object dies before its next write, what is on disk still has the lease as open, and
   * nobody settles it again: what was not spent of it is missing until the lease expires, and is then charged. If an object starts within a
   * second of that row's time, a lease of the row lasts for at least a second more, unless the clock has stepped so far ahead that it has
   * expired. The object starts with the next call, at an unknown moment.
   */
  lose({ rows, localMs, nextMs }: Loss): void {
    for (const [id, settled] of this.#settled) {
      if (settled.rowsBefore < rows && rows <= settled.settledRows) this.#open.set(id, settled);
    }
    this.#settled.clear();
    const closesMs = Math.max(nextMs, localMs + LEASE_MS) + LEASE_MS + SETTLE_GRACE_MS;
    for (const [id, open] of this.#open) {
      const hasExpired = localMs < open.closesMs && open.closesMs <= nextMs;
      if (!hasExpired && open.rowsBefore < rows && open.closesMs < closesMs) {
        this.#open.set(id, { ...open, closesMs });
        this.#unsureUntilMs = Math.max(this.#unsureUntilMs, closesMs);
      }
    }
  }

  /** Whether a lease that a crash has prolonged may expire any moment: whether it has is known only once it must have. */
  isUnsure(nowMs: number): boolean {
    return nowMs < this.#unsureUntilMs;
  }

  /** Ends the leases that were not settled in time, or all. @returns what is to be charged: they count as spent in full. */
  expire(nowMs: number, all = false): Charge[] {
    const late: Charge[] = [];
    for (const [id, lent] of this.#open) {
      if (lent.closesMs > nowMs && !all) continue;
      this.#open.delete(id);
      // Lent without limits, so its amount means nothing: what was spent of it is lost with its isolate.
      if (lent.lease.milli < UNLIMITED_MILLI)
        late.push({ lent, milli: lent.lease.milli - lent.chargedMilli });
    }
    return late;
  }

  /** What open leases hold of a counter. @param sinceMs when its period began. */
  lentOf(name: string, rule: Rule, sinceMs: number): LentOf {
    let [lentMilli, setAsideMilli, lentUntilMs] = [0, 0, 0];
    for (const { lease, lentAtMs, rules, chargedMilli, closesMs } of this.#open.values()) {
      if (lease.milli >= UNLIMITED_MILLI || lentAtMs < sinceMs) continue;
      const isHeld =
        rule.kind === "quota"
          ? !rule.byKey || counterOf(rule, lease.keyId) === name
          : rules.some(([counter]) => counter === name);
      if (!isHeld) continue;
      lentMilli += lease.milli - chargedMilli;
      setAsideMilli += lease.milli;
      lentUntilMs = Math.max(lentUntilMs, closesMs);
    }
    return { lentMilli, setAsideMilli, lentUntilMs };
  }
}
