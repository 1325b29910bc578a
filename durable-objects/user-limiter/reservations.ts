/**
 * A user's reservations: the open ones in memory (core/reservation-book.ts), and their table, which also repeats the answer to a settlement
 * for ten minutes.
 *
 * Never drops an answer early, since a caller that sends the settlement again must not believe that it is lost: when full, the object
 * rejects new reservations instead.
 */
import * as z from "zod/mini";
import { type OpenReservation, ReservationBook, SETTLED_MS } from "../../src/core/reservation-book.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { parseJson } from "../../src/json.ts";
import { slotSchema } from "../../src/limiter/decision-schema.ts";
import type { SettledReservation } from "../../src/objects/reservation.ts";
import type { Reserved } from "./ledger.ts";

/** Rows of one user: some 50 MB of the object's 10 GB, 166 settlements a second. */
const MAX_ROWS = 100_000;

/** How often rows whose time is over are deleted, about. */
const SWEEP_EVERY_MS = SETTLED_MS;

const count = z.number().check(z.gte(0));
const openSchema = z.strictObject({
  id: z.string(),
  madeAtMs: count,
  expiresAtMs: count,
  costMilli: count,
  units: z.nullable(z.array(z.tuple([z.string(), count]))),
  tier: z.string(),
  route: z.nullable(z.string()),
  keyId: z.nullable(z.string()),
  slots: z.array(slotSchema),
  shares: z.array(
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("bucket"), counter: z.string(), low: count, grain: count }),
      z.strictObject({ kind: z.literal("quota"), counter: z.string(), startMs: z.number() }),
    ]),
  ),
  reset: z.array(z.string()),
}) satisfies z.ZodMiniType<OpenReservation>;
const settledSchema = z.strictObject({
  reservation: z.string(),
  settled: z.literal(true),
  cost: count,
  units: z.exactOptional(z.record(z.string(), count)),
}) satisfies z.ZodMiniType<SettledReservation>;

type Row = { id: string; body: string; ends_ms: number };

export class Reservations {
  readonly book: ReservationBook;
  readonly #sql: SqlStorage;
  /** Rows in the table, including those whose time is over. */
  #rows = 0;
  /** Open reservations that have a row. */
  readonly #stored = new Set<string>();
  /** When the time of the first of them is over, at the earliest. */
  #firstEndMs: number | null = null;
  /** Settled since the last write. */
  readonly #settled = new Map<string, { readonly answer: SettledReservation; readonly endsMs: number }>();
  /** Expired since the last write. */
  readonly #expired = new Set<string>();

  /** @param isExact whether the object starts from an exact state. */
  constructor(sql: SqlStorage, hasTables: boolean, isExact: boolean, nowMs: number) {
    this.#sql = sql;
    if (!hasTables) {
      this.book = new ReservationBook();
      return;
    }
    const open = sql
      .exec<Row>("SELECT id, body, ends_ms FROM reservations WHERE settled = 0 AND ends_ms > ?", nowMs)
      .toArray()
      .map(({ body }) => openSchema.parse(parseJson(body)))
      .toSorted((a, b) => a.madeAtMs - b.madeAtMs);
    this.book = new ReservationBook(open, isExact);
    for (const { id } of open) this.#stored.add(id);
    this.#count();
  }

  /** Whether another one may be made. */
  hasRoom(nowMs: number): boolean {
    this.expire(nowMs);
    if (!this.book.hasRoom) return false;
    if (this.#rows + this.#settled.size < MAX_ROWS) return true;
    if ((this.#firstEndMs ?? nowMs) <= nowMs) this.sweep(nowMs);
    return this.#rows + this.#settled.size < MAX_ROWS;
  }

  /** What is reserved, as the ledger has it. */
  cells(nowMs: number): Reserved[] {
    this.expire(nowMs);
    return this.book.open.map(({ madeAtMs, route, keyId, costMilli, units }) => ({
      hour: Math.floor(madeAtMs / HOUR_MS),
      route: route ?? "",
      keyId: keyId ?? "",
      costMilli,
      units,
    }));
  }

  /** Ends those whose time is over: they stay charged. @returns how many. */
  expire(nowMs: number): number {
    const expired = this.book.expire(nowMs);
    for (const { id } of expired) this.#expired.add(id);
    return expired.length;
  }

  /** The answer to the settlement of this reservation; null if there was none in the last ten minutes. */
  answerOf(id: string, nowMs: number): SettledReservation | null {
    const now = this.#settled.get(id);
    if (now) return now.answer;
    if (this.#rows === 0) return null;
    const [row] = this.#sql
      .exec<Row>("SELECT id, body, ends_ms FROM reservations WHERE id = ? AND settled = 1", id)
      .toArray();
    return row && row.ends_ms > nowMs ? settledSchema.parse(parseJson(row.body)) : null;
  }

  settled(id: string, answer: SettledReservation, nowMs: number): void {
    this.book.close(id);
    this.#settled.set(id, { answer, endsMs: nowMs + SETTLED_MS });
  }

  /** Whether {@link write} writes rows. */
  mustWrite(isExact: boolean): boolean {
    return this.#settled.size > 0 || this.#expired.size > 0 || this.book.mustWrite(isExact);
  }

  /** Writes what has changed. Must be part of the transaction that writes the state row. @param isExact whether that row is exact. */
  write(isExact: boolean): void {
    if (!this.mustWrite(isExact)) return;
    for (const reservation of this.book.write(isExact)) {
      this.#put(reservation.id, reservation, false, reservation.expiresAtMs);
      this.#stored.add(reservation.id);
    }
    for (const [id, { answer, endsMs }] of this.#settled) {
      this.#put(id, answer, true, endsMs);
      this.#stored.delete(id);
    }
    for (const id of this.#expired) {
      if (!this.#stored.delete(id)) continue;
      this.#sql.exec("DELETE FROM reservations WHERE id = ? AND settled = 0", id);
      this.#rows -= 1;
    }
    this.#settled.clear();
    this.#expired.clear();
  }

  /** Deletes rows whose time is over. */
  sweep(nowMs: number): void {
    if (this.#rows === 0) return;
    this.#sql.exec("DELETE FROM reservations WHERE ends_ms <= ?", nowMs);
    this.#count();
  }

  /** When to sweep next; null: there is nothing to sweep. */
  get sweepAtMs(): number | null {
    return this.#firstEndMs === null ? null : this.#firstEndMs + SWEEP_EVERY_MS;
  }

  #put(id: string, body: object, isSettled: boolean, endsMs: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO reservations (id, body, settled, ends_ms) VALUES (?, ?, ?, ?)",
      id,
      JSON.stringify(body),
      Number(isSettled),
      endsMs,
    );
    if (!this.#stored.has(id)) this.#rows += 1;
    this.#firstEndMs = Math.min(this.#firstEndMs ?? endsMs, endsMs);
  }

  #count(): void {
    const { rows, first } = this.#sql
      .exec<{ rows: number; first: number | null }>(
        "SELECT count(*) AS rows, min(ends_ms) AS first FROM reservations",
      )
      .one();
    this.#rows = rows;
    this.#firstEndMs = first;
  }
}
