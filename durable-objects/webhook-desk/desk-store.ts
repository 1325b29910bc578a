/** The WebhookDesk's storage: events, endpoints, and the queue of deliveries. Creates the tables with the first endpoint. */
import { migrate, schemaVersion } from "../migrations.ts";
import { DeliveryQueue } from "./delivery-queue.ts";
import { type Endpoint, MIGRATIONS, toEndpoint } from "./desk-tables.ts";

/** Events that are queued for an endpoint in one transaction. */
const QUEUED_AT_ONCE = 500;

export interface StoredEvent {
  readonly id: string;
  readonly type: string;
  /** "": of no account. */
  readonly account: string;
  readonly body: string;
}

export class DeskStore {
  readonly sql: SqlStorage;
  readonly deliveries: DeliveryQueue;
  readonly #storage: DurableObjectStorage;
  #endpoints: readonly Endpoint[] | null = null;
  /** Known to have tables, which nothing takes away: asked several times for each delivery. */
  #hasTables = false;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.sql = storage.sql;
    this.deliveries = new DeliveryQueue(storage.sql);
    if (this.hasTables) migrate(storage, MIGRATIONS);
  }

  get hasTables(): boolean {
    return (this.#hasTables ||= schemaVersion(this.#storage) > 0);
  }

  /** Runs changes as one transaction. Creates the tables first if there are none. */
  transact<T>(changes: () => T): T {
    try {
      return this.#storage.transactionSync(() => {
        migrate(this.#storage, MIGRATIONS);
        return changes();
      });
    } catch (thrown) {
      this.#endpoints = null;
      this.#hasTables = false;
      throw thrown;
    }
  }

  /** In order of creation. Read once, and again after a change. */
  get endpoints(): readonly Endpoint[] {
    if (!this.hasTables) return [];
    return (this.#endpoints ??= this.sql
      .exec("SELECT * FROM endpoints ORDER BY created_ms, endpoint_id")
      .toArray()
      .map(toEndpoint));
  }

  endpoint(id: string): Endpoint | null {
    return this.endpoints.find((endpoint) => endpoint.id === id) ?? null;
  }

  putEndpoint(endpoint: Endpoint): Endpoint {
    const { id, url, description, events, disabled, secret, oldSecret, oldUntilMs, lastAttempt } = endpoint;
    this.sql.exec(
      `INSERT OR REPLACE INTO endpoints (endpoint_id, url, description, kinds, disabled, secret, old_secret, old_until_ms,
         created_ms, updated_ms, cursor, last_attempt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      url,
      description,
      events && JSON.stringify(events),
      disabled,
      secret,
      oldSecret,
      oldUntilMs,
      endpoint.createdMs,
      endpoint.updatedMs,
      endpoint.cursor,
      lastAttempt && JSON.stringify(lastAttempt),
    );
    const others = this.endpoints.filter((one) => one.id !== id);
    this.#endpoints = [...others, endpoint].toSorted(
      (a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1),
    );
    return endpoint;
  }

  deleteEndpoint(id: string): void {
    this.sql.exec("DELETE FROM deliveries WHERE endpoint_id = ?", id);
    this.sql.exec("DELETE FROM endpoints WHERE endpoint_id = ?", id);
    this.#endpoints = null;
  }

  /** The number of the newest event; 0 if there is none. */
  newestSeq(): number {
    const [row] = this.sql
      .exec<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
      .toArray();
    return row?.seq ?? 0;
  }

  /** @returns whether the event is new. */
  addEvent({ id, type, account, body }: StoredEvent, nowMs: number): boolean {
    if (this.eventSeq(id) !== null) return false;
    this.sql.exec(
      "INSERT OR IGNORE INTO events (event_id, type, account, body, received_ms) VALUES (?, ?, ?, ?, ?)",
      id,
      type,
      account,
      body,
      nowMs,
    );
    return true;
  }

  eventSeq(id: string): number | null {
    const [row] = this.sql.exec<{ seq: number }>("SELECT seq FROM events WHERE event_id = ?", id).toArray();
    return row?.seq ?? null;
  }

  /**
   * Queues the next events for an endpoint: each after the earlier ones of its account.
   * @param room how many deliveries may be added.
   * @returns how many were added, and whether any event is left.
   */
  queueFor(endpoint: Endpoint, room: number, nowMs: number): { added: number; isMore: boolean } {
    const count = Math.min(QUEUED_AT_ONCE, room);
    const rows = this.sql
      .exec<{ seq: number; type: string; account: string }>(
        "SELECT seq, type, account FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
        endpoint.cursor,
        count + 1,
      )
      .toArray();
    const next = rows.slice(0, count);
    const last = next.at(-1);
    if (!last) return { added: 0, isMore: rows.length > 0 };
    let added = 0;
    this.transact(() => {
      for (const { seq, type, account } of next) {
        if (!wants(endpoint, type)) continue;
        added += 1;
        this.deliveries.add(endpoint.id, seq, account, nowMs);
      }
      this.putEndpoint({ ...endpoint, cursor: last.seq });
    });
    return { added, isMore: rows.length > count };
  }

  /** Events that are not queued for the endpoint yet. */
  unqueued({ cursor, events }: Endpoint): number {
    const kinds = events && JSON.stringify(events);
    return this.#count(
      "SELECT count(*) AS n FROM events WHERE seq > ?1 AND (?2 IS NULL OR type IN (SELECT value FROM json_each(?2)))",
      cursor,
      kinds,
    );
  }

  /**
   * Deletes events that came in before `beforeMs`, with their deliveries; and the oldest that nothing waits for, if there are more than
   * `max`. @returns the number of the newest event that was deleted although more are kept than `max`; 0: none.
   */
  sweep(beforeMs: number, max: number, nowMs: number): number {
    const old = this.#count("SELECT coalesce(max(seq), 0) AS n FROM events WHERE received_ms < ?", beforeMs);
    const surplus = Math.max(0, this.newestSeq() - max);
    if (old === 0 && surplus === 0) return 0;
    this.transact(() => {
      this.sql.exec("DELETE FROM deliveries WHERE seq <= ?", old);
      this.sql.exec("DELETE FROM events WHERE seq <= ?", old);
      this.sql.exec("DELETE FROM deliveries WHERE seq <= ? AND state = 'delivered'", surplus);
      this.sql.exec("DELETE FROM events WHERE seq <= ? AND seq NOT IN (SELECT seq FROM deliveries)", surplus);
      // The first of an account that waits may have been deleted.
      this.sql.exec(
        `UPDATE deliveries SET due_ms = ? WHERE state = 'waiting' AND due_ms IS NULL AND NOT EXISTS (
           SELECT 1 FROM deliveries AS earlier WHERE earlier.endpoint_id = deliveries.endpoint_id
             AND earlier.account = deliveries.account AND earlier.state = 'waiting' AND earlier.seq < deliveries.seq)`,
        nowMs,
      );
    });
    return surplus;
  }

  get hasEvents(): boolean {
    return this.sql.exec("SELECT 1 FROM events LIMIT 1").toArray().length > 0;
  }

  #count(query: string, ...bindings: SqlStorageValue[]): number {
    return this.sql.exec<{ n: number }>(query, ...bindings).one().n;
  }
}

/** Whether the endpoint gets events of this kind. */
export function wants({ events }: Pick<Endpoint, "events">, type: string): boolean {
  return events === null || events.some((kind) => kind === type);
}
