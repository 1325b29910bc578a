/**
 * The deliveries of endpoints in the WebhookDesk's storage: what is due, what waits behind an earlier event of its account, and the result of
 * each attempt. Call only when the tables exist.
 */
import type { Delivery, DeliveryState } from "../../src/objects/webhook-endpoint.ts";
import { type DueDelivery, toDelivery, toDue } from "./desk-tables.ts";

/** An endpoint's waiting and dead deliveries. */
export interface Backlog {
  /** Without events that are not queued yet. */
  readonly waiting: number;
  readonly dead: number;
  readonly oldestMs: number | null;
}

export class DeliveryQueue {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Queues an event, after the earlier ones of its account that wait. */
  add(endpointId: string, seq: number, account: string, nowMs: number): void {
    const isHeld = this.#firstWaiting(endpointId, account) !== null;
    this.#insert(endpointId, seq, account, isHeld ? null : nowMs);
  }

  /** The deliveries that are due, at most `count`. */
  due(endpointId: string, nowMs: number, count: number): DueDelivery[] {
    return this.#sql
      .exec(
        `SELECT endpoint_id, deliveries.seq, deliveries.account, attempts, event_id, body
         FROM deliveries JOIN events ON events.seq = deliveries.seq
         WHERE endpoint_id = ? AND due_ms <= ? ORDER BY due_ms, deliveries.seq LIMIT ?`,
        endpointId,
        nowMs,
        count,
      )
      .toArray()
      .map(toDue);
  }

  /** When the next delivery outside `without` is due; null if there is none. */
  nextDueMs(endpointId: string, without: readonly number[]): number | null {
    const [row] = this.#sql
      .exec<{ due: number | null }>(
        `SELECT min(due_ms) AS due FROM deliveries
         WHERE endpoint_id = ? AND due_ms IS NOT NULL AND seq NOT IN (SELECT value FROM json_each(?))`,
        endpointId,
        JSON.stringify(without),
      )
      .toArray();
    return row?.due ?? null;
  }

  /** Stores the result of an attempt. Unless it will be retried, the account's next delivery becomes due. */
  recordAttempt(
    { endpointId, seq, account }: Pick<DueDelivery, "endpointId" | "seq" | "account">,
    { state, attempts, dueMs }: { state: DeliveryState; attempts: number; dueMs: number | null },
    { status, error, atMs }: { status: number | null; error: string | null; atMs: number },
  ): void {
    this.#sql.exec(
      `UPDATE deliveries SET state = ?, attempts = ?, due_ms = ?, at_ms = ?, status = ?, error = ?
       WHERE endpoint_id = ? AND seq = ?`,
      state,
      attempts,
      dueMs,
      atMs,
      status,
      error,
      endpointId,
      seq,
    );
    if (state !== "waiting") this.#release(endpointId, account, atMs);
  }

  /** Queues a stored event anew. @returns whether it was delivered or dead before, or not queued at all. */
  replay(endpointId: string, seq: number, nowMs: number): boolean {
    const [row] = this.#sql
      .exec<{ account: string }>("SELECT account FROM events WHERE seq = ?", seq)
      .toArray();
    const state = this.delivery(endpointId, seq)?.state ?? null;
    this.#sql.exec(
      `UPDATE deliveries SET attempts = 0, due_ms = min(due_ms, ?)
       WHERE endpoint_id = ? AND seq = ? AND state = 'waiting'`,
      nowMs,
      endpointId,
      seq,
    );
    if (state === "waiting") return false;
    this.#sql.exec("DELETE FROM deliveries WHERE endpoint_id = ? AND seq = ?", endpointId, seq);
    // At once, since later events of its account may have been delivered before.
    this.#insert(endpointId, seq, row?.account ?? "", nowMs);
    return true;
  }

  /**
   * Queues the oldest dead deliveries anew, at most `count`: each after the earlier ones of its account that wait. Call in a transaction.
   * @returns how many.
   */
  replayDead(endpointId: string, count: number, nowMs: number): number {
    const rows = this.#sql
      .exec<{ seq: number; account: string }>(
        "SELECT seq, account FROM deliveries WHERE endpoint_id = ? AND state = 'dead' ORDER BY seq LIMIT ?",
        endpointId,
        count,
      )
      .toArray();
    for (const { seq, account } of rows) {
      const first = this.#firstWaiting(endpointId, account);
      this.#sql.exec("DELETE FROM deliveries WHERE endpoint_id = ? AND seq = ?", endpointId, seq);
      this.#insert(endpointId, seq, account, first !== null && first < seq ? null : nowMs);
    }
    return rows.length;
  }

  /** Makes every scheduled delivery due now. */
  makeDue(endpointId: string, nowMs: number): void {
    this.#sql.exec(
      "UPDATE deliveries SET due_ms = ? WHERE endpoint_id = ? AND due_ms IS NOT NULL",
      nowMs,
      endpointId,
    );
  }

  delivery(endpointId: string, seq: number): Delivery | null {
    return this.#select("AND deliveries.seq = ?", endpointId, seq)[0] ?? null;
  }

  /** With smaller numbers than `before`, newest first. */
  list(endpointId: string, state: DeliveryState | null, before: number, count: number): Delivery[] {
    // Literals, so that SQLite uses the index of the state.
    const where = state === null ? "" : `AND state = '${state}'`;
    return this.#select(
      `${where} AND deliveries.seq < ? ORDER BY deliveries.seq DESC LIMIT ?`,
      endpointId,
      before,
      count,
    );
  }

  backlog(endpointId: string): Backlog {
    const waiting = this.#count(
      "SELECT count(*) AS n FROM deliveries WHERE endpoint_id = ? AND state = 'waiting'",
      endpointId,
    );
    const dead = this.#count(
      "SELECT count(*) AS n FROM deliveries WHERE endpoint_id = ? AND state = 'dead'",
      endpointId,
    );
    if (waiting === 0) return { waiting, dead, oldestMs: null };
    const oldestMs = this.#count(
      `SELECT received_ms AS n FROM events WHERE seq =
         (SELECT min(seq) FROM deliveries WHERE endpoint_id = ? AND state = 'waiting')`,
      endpointId,
    );
    return { waiting, dead, oldestMs };
  }

  #insert(endpointId: string, seq: number, account: string, dueMs: number | null): void {
    this.#sql.exec(
      "INSERT INTO deliveries (endpoint_id, seq, account, state, attempts, due_ms) VALUES (?, ?, ?, 'waiting', 0, ?)",
      endpointId,
      seq,
      account,
      dueMs,
    );
  }

  #release(endpointId: string, account: string, nowMs: number): void {
    const next = this.#firstWaiting(endpointId, account);
    if (next === null) return;
    this.#sql.exec(
      "UPDATE deliveries SET due_ms = ? WHERE endpoint_id = ? AND seq = ? AND due_ms IS NULL",
      nowMs,
      endpointId,
      next,
    );
  }

  #firstWaiting(endpointId: string, account: string): number | null {
    const [row] = this.#sql
      .exec<{ seq: number }>(
        `SELECT seq FROM deliveries WHERE endpoint_id = ? AND account = ? AND state = 'waiting'
         ORDER BY seq LIMIT 1`,
        endpointId,
        account,
      )
      .toArray();
    return row?.seq ?? null;
  }

  #select(where: string, ...bindings: SqlStorageValue[]): Delivery[] {
    return this.#sql
      .exec(
        `SELECT deliveries.seq, event_id, type, deliveries.account, state, attempts, received_ms, due_ms, at_ms, status,
           error, body
         FROM deliveries JOIN events ON events.seq = deliveries.seq WHERE endpoint_id = ? ${where}`,
        ...bindings,
      )
      .toArray()
      .map(toDelivery);
  }

  #count(query: string, ...bindings: SqlStorageValue[]): number {
    return this.#sql.exec<{ n: number }>(query, ...bindings).one().n;
  }
}
