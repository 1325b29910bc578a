/**
 * The usage that counts in a quota's period according to the ledger: everything admitted in the quota's scope since the period began,
 * under whatever limits, minus what an operator's reset has forgiven. A quota whose definition changes is rebuilt from it.
 *
 * The ledger counts by hour, and every period begins and ends with an hour of UTC. A reset may come within an hour, so it is stored with
 * the ledger's cells of that hour.
 */
import * as z from "zod/mini";
import type { Span } from "../../src/core/calendar.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import type { OpenReservation } from "../../src/core/reservation-book.ts";
import { milliOf, REQUESTS, type UnitCosts } from "../../src/core/unit-costs.ts";
import { parseJson } from "../../src/json.ts";
import { scopeOf } from "../../src/policy/charges.ts";
import { includesKey, type KeySelection } from "./key-selection.ts";
import type { KeyRing } from "./key-ring.ts";
import type { ChargedCell, Ledger } from "./ledger.ts";

/** Longer than any period: an older reset no longer matters. */
const KEPT_MS = 32 * DAY_MS;

/** The most cells that are stored with a reset, since a row holds 2 MB. With more, the reset also forgives the rest of its hour. */
const MAX_STORED_CELLS = 10_000;

/** Stored in place of a limit's name for a reset of all limits. */
const ALL = "";

const resetRow = z.object({ hour: z.number(), cells: z.string() });
const cellsSchema = z.array(
  z.union([
    z.tuple([z.number(), z.string(), z.string(), z.number()]),
    z.tuple([z.number(), z.string(), z.string(), z.number(), z.string()]),
  ]),
) satisfies z.ZodMiniType<ChargedCell[]>;

export class QuotaHistory {
  readonly #sql: SqlStorage;
  readonly #ledger: Ledger;
  readonly #keys: KeyRing;
  readonly #hasTables: () => boolean;

  constructor(sql: SqlStorage, ledger: Ledger, keys: KeyRing, hasTables: () => boolean) {
    this.#sql = sql;
    this.#ledger = ledger;
    this.#keys = keys;
    this.#hasTables = hasTables;
  }

  /** Millitokens that count in this counter in the period [startMs, endMs). */
  usedMilli(counter: string, { startMs, endMs }: Span): number {
    const { name, unit, route } = scopeOf(counter);
    const keys = this.#keysOf(counter);
    const reset = this.#lastReset(name);
    const fromHour = Math.max(startMs / HOUR_MS, reset?.hour ?? 0);
    const toHour = endMs / HOUR_MS;
    const usedMilli = this.#ledger.chargedMilli(fromHour, toHour, route, keys, this.#hasTables(), unit);
    const forgivenMilli = (reset?.cells ?? []).reduce((sum, cell) => {
      const [hour, cellRoute, cellKey, milli, cellUnit = REQUESTS] = cell;
      const counts =
        unit === cellUnit &&
        hour >= fromHour &&
        hour < toHour &&
        (route === null || route === cellRoute) &&
        includesKey(keys, cellKey);
      return counts ? sum + milli : sum;
    }, 0);
    return Math.max(0, usedMilli - forgivenMilli);
  }

  /** Whether usage of this route and key counts in the counter. "" stands for no route and for no key. */
  counts(counter: string, route: string, keyId: string): boolean {
    const scope = scopeOf(counter);
    return (scope.route === null || scope.route === route) && includesKey(this.#keysOf(counter), keyId);
  }

  #keysOf(counter: string): KeySelection {
    const { keyId, mode } = scopeOf(counter);
    return keyId === null ? mode : this.#keys.lineageOf(keyId);
  }

  /** Forgives the usage of the limits of these names, or all (null), until now. Call in a transaction. */
  reset(names: readonly string[] | null, nowMs: number): void {
    const hour = Math.floor(nowMs / HOUR_MS);
    const cells = this.#ledger.charged(hour);
    const isLong = cells.length > MAX_STORED_CELLS;
    this.#sql.exec("DELETE FROM resets WHERE at_ms < ?", nowMs - KEPT_MS);
    for (const name of names ?? [ALL]) {
      this.#sql.exec(
        "INSERT OR REPLACE INTO resets (limit_name, at_ms, hour, cells) VALUES (?, ?, ?, ?)",
        name,
        nowMs,
        isLong ? hour + 1 : hour,
        JSON.stringify(isLong ? [] : cells),
      );
    }
  }

  /**
   * A reservation from before resets has cost so much more (negative: less) than it reserved. What they have forgiven of it falls with what the
   * ledger has of it, so that usage since then counts as before.
   */
  forgiveLess({ madeAtMs, route, keyId, reset }: OpenReservation, moreMilli: number, more: UnitCosts): void {
    const hour = Math.floor(madeAtMs / HOUR_MS);
    for (const name of reset) {
      const [found] = this.#sql.exec("SELECT hour, cells FROM resets WHERE limit_name = ?", name).toArray();
      if (!found) continue;
      const cells = cellsSchema.parse(parseJson(resetRow.parse(found).cells)).map((cell): ChargedCell => {
        const [ofHour, ofRoute, ofKey, milli, unit = REQUESTS] = cell;
        const isOwn = ofHour === hour && ofRoute === (route ?? "") && ofKey === (keyId ?? "");
        const lessMilli = isOwn ? Math.min(0, milliOf(unit, moreMilli, more)) : 0;
        if (lessMilli === 0) return cell;
        const left = Math.max(0, milli + lessMilli);
        return unit === REQUESTS ? [ofHour, ofRoute, ofKey, left] : [ofHour, ofRoute, ofKey, left, unit];
      });
      this.#sql.exec("UPDATE resets SET cells = ? WHERE limit_name = ?", JSON.stringify(cells), name);
    }
  }

  #lastReset(name: string): { hour: number; cells: z.infer<typeof cellsSchema> } | null {
    if (!this.#hasTables()) return null;
    const [found] = this.#sql
      .exec(
        "SELECT hour, cells FROM resets WHERE limit_name IN (?, ?) ORDER BY at_ms DESC, hour DESC LIMIT 1",
        ALL,
        name,
      )
      .toArray();
    if (!found) return null;
    const { hour, cells } = resetRow.parse(found);
    return { hour, cells: cellsSchema.parse(parseJson(cells)) };
  }
}
