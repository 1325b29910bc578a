/**
 * PolicyRegistry: the one object that numbers policies. Revisions are immutable and append-only; the newest is in force. Restoring an old
 * one adds its document under a new number, so revisions never go back.
 *
 * It stores documents and compares revisions; the edge has validated the documents. It publishes to KV through the outbox, the document
 * before the pointer to it. It also numbers the purges of cached responses, which travel with the pointer, and stores which dashboard
 * sessions were logged out. Never on the path of a limited request.
 */
import * as z from "zod/mini";
import { withDeadline } from "../src/deadline.ts";
import type { AdminSession } from "../src/identity/admin/role.ts";
import type { Change } from "../src/objects/change.ts";
import type {
  PolicyRegistryRpc,
  PurgeAnswer,
  PurgeInfo,
  PutAnswer,
  Revision,
  RevisionInfo,
} from "../src/objects/policy-registry.ts";
import type { CacheGenerations } from "../src/policy/cache-generations.ts";
import { CURRENT_KEY, documentKey } from "../src/policy/policy-store.ts";
import { loadEvents } from "../src/event-module.ts";
import { webhookDeskOf } from "../src/objects/webhook-desk.ts";
import { EVENT_LANE } from "./event-lane.ts";
import { migrate, schemaVersion } from "./migrations.ts";
import { countedStorage, reportMetrics } from "./object-metrics.ts";
import { FIRST_RETRY_MS, Outbox, OUTBOX_TABLE } from "./outbox.ts";
import { persistently } from "./persistent-alarm.ts";
import { PlacedObject } from "./placed-object.ts";
import { BillingSweep, hasBilling } from "./policy-registry/billing-sweep.ts";
import { CachePurges } from "./policy-registry/cache-purges.ts";
import { EndedSessions } from "./policy-registry/ended-sessions.ts";

export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE revisions (
    revision INTEGER PRIMARY KEY,
    document TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    restores INTEGER
  );
  ${OUTBOX_TABLE}
  `,
];

const infoRow = z.object({
  revision: z.int(),
  created_ms: z.number(),
  actor: z.string(),
  reason: z.string(),
  restores: z.nullable(z.int()),
});
const fullRow = z.extend(infoRow, { document: z.string() });

/** After this time a delivery to KV counts as failed and is retried later: an operator's call waits no longer for it. */
const DELIVERY_DEADLINE_MS = 3_000;
/** KV accepts one write a second to a key. Purges wait for each other for this long, so that any number of them needs one write. */
const POINTER_PACE_MS = 1_000;

export class PolicyRegistry extends PlacedObject implements PolicyRegistryRpc {
  readonly #storage = countedStorage(this.ctx.storage, "PolicyRegistry");
  readonly #outbox: Outbox;
  readonly #sweep = new BillingSweep(this.#storage.kv, this.env);
  readonly #endedSessions = new EndedSessions(this.#storage.kv);
  readonly #purges = new CachePurges(this.#storage.kv);
  /** When the pointer was last written to KV, as far as this instance knows. */
  #pointedMs = -Infinity;
  /** Until then, a pointer that only carries purges waits. */
  #pacedUntilMs = -Infinity;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#outbox = new Outbox(this.#storage.sql, async ({ lane, name, value }) => {
      if (lane === EVENT_LANE) {
        const taken = webhookDeskOf(this.env.WEBHOOK_DESK).put(name, value ?? "");
        await withDeadline(taken, DELIVERY_DEADLINE_MS, "webhook desk");
        return null;
      }
      if (name === CURRENT_KEY) this.#takeTurn(Date.now());
      const stored = value === null ? this.env.CONFIG.delete(name) : this.env.CONFIG.put(name, value);
      await withDeadline(stored, DELIVERY_DEADLINE_MS, "KV");
      return null;
    });
    if (this.#isWritten()) migrate(this.#storage, MIGRATIONS);
  }

  newest(): Revision | null {
    if (!this.#isWritten()) return null;
    return this.#one("SELECT * FROM revisions ORDER BY revision DESC LIMIT 1");
  }

  revision(revision: number): Revision | null {
    if (!this.#isWritten()) return null;
    return this.#one("SELECT * FROM revisions WHERE revision = ?", revision);
  }

  revisions(before: number, count: number): RevisionInfo[] {
    if (!this.#isWritten()) return [];
    return this.#storage.sql
      .exec(
        `SELECT revision, created_ms, actor, reason, restores FROM revisions
         WHERE revision < ? ORDER BY revision DESC LIMIT ?`,
        before,
        count,
      )
      .toArray()
      .map((row) => toInfo(infoRow.parse(row)));
  }

  async put(
    document: string,
    expected: number,
    change: Change,
    restores: 0 | null = null,
  ): Promise<PutAnswer> {
    return this.#add(document, expected, change, restores);
  }

  async activate(revision: number, expected: number, change: Change): Promise<PutAnswer> {
    const earlier = this.revision(revision);
    if (!earlier) return { kind: "absent" };
    return this.#add(earlier.document, expected, change, revision);
  }

  async purge(routes: readonly string[] | null, change: Change): Promise<PurgeAnswer> {
    const nowMs = Date.now();
    const dueMs = Math.max(nowMs, Math.min(nowMs, this.#pointedMs) + POINTER_PACE_MS);
    const purge = this.#storage.transactionSync(() => {
      migrate(this.#storage, MIGRATIONS);
      const made = this.#purges.add(routes, change, nowMs);
      this.#pacedUntilMs = dueMs;
      this.#putPointer(this.newest() ?? { revision: 0, createdMs: 0 }, dueMs);
      return made;
    });
    // In one write with the purge: the alarm runs if the object dies before KV has it.
    await this.#storage.setAlarm(dueMs + FIRST_RETRY_MS);
    return { ...purge, published: await this.#publish() };
  }

  purged(): CacheGenerations | null {
    return this.#purges.newest;
  }

  purges(): PurgeInfo[] {
    return this.#purges.log;
  }

  endSession(session: AdminSession): void {
    this.#endedSessions.end(session, Date.now());
  }

  hasEnded(session: AdminSession): boolean {
    return this.#endedSessions.has(session);
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    await persistently(this.#storage, info, async () => {
      if (!this.#isWritten()) return;
      await this.#publish();
      await this.#sweep.run(Date.now());
      await this.#wake();
    });
  }

  async #add(
    document: string,
    expected: number,
    change: Change,
    restores: number | null,
  ): Promise<PutAnswer> {
    // Few documents need the module, which reads closely.
    const events = document.includes("policy.activated") ? await loadEvents() : null;
    const before = this.newest();
    const newest = before?.revision ?? 0;
    if (newest !== expected) return { kind: "mismatch", newest };
    const nowMs = Date.now();
    const info: RevisionInfo = { revision: newest + 1, createdMs: nowMs, ...change, restores };
    this.#storage.transactionSync(() => {
      migrate(this.#storage, MIGRATIONS);
      this.#storage.sql.exec(
        "INSERT INTO revisions (revision, document, created_ms, actor, reason, restores) VALUES (?, ?, ?, ?, ?, ?)",
        info.revision,
        document,
        info.createdMs,
        info.actor,
        info.reason,
        info.restores,
      );
      const { revision } = info;
      this.#outbox.put(
        { lane: "kv", name: documentKey(revision), value: document, version: revision },
        nowMs,
      );
      this.#pacedUntilMs = -Infinity;
      this.#putPointer(info, nowMs);
      const activated = events?.activationEntry(document, info);
      if (activated) this.#outbox.put(activated, nowMs);
      if (hasBilling(document) !== hasBilling(before?.document ?? "{}")) this.#sweep.begin(revision, nowMs);
    });
    // In one write with the revision: the alarm runs if the object dies before KV has it.
    await this.#storage.setAlarm(nowMs + FIRST_RETRY_MS);
    return { kind: "revision", revision: info, published: await this.#publish() };
  }

  /** Queues the pointer to the revision in force, with all purges. Call in the transaction of its change. @param dueMs not before. */
  #putPointer({ revision, createdMs }: Pick<Revision, "revision" | "createdMs">, dueMs: number): void {
    const purged = this.#purges.newest ?? undefined;
    const value = JSON.stringify({ revision, activatedAt: new Date(createdMs).toISOString(), purged });
    this.#outbox.put({ lane: "kv", name: CURRENT_KEY, value, version: revision }, dueMs);
  }

  /** @throws Error if the pointer must wait: its entry stays in the outbox, and is due then. */
  #takeTurn(nowMs: number): void {
    if (nowMs < this.#pacedUntilMs) throw new Error("too soon");
    this.#pointedMs = nowMs;
  }

  /** Publishes to KV what the outbox holds. @returns whether KV has all of it. */
  async #publish(): Promise<boolean> {
    const left = await this.#outbox.drain(Date.now());
    reportMetrics(this.ctx, this.env);
    await this.#wake();
    return !left.has("kv");
  }

  /** Sets the alarm for what is due next. */
  async #wake(): Promise<void> {
    const nowMs = Date.now();
    const due = [this.#outbox.nextDueMs(nowMs), this.#sweep.dueMs].filter((dueMs) => dueMs !== null);
    if (due.length > 0) await this.#storage.setAlarm(Math.max(nowMs, Math.min(...due)));
  }

  #isWritten(): boolean {
    return schemaVersion(this.#storage) > 0;
  }

  #one(query: string, ...bindings: number[]): Revision | null {
    const [row] = this.#storage.sql.exec(query, ...bindings).toArray();
    if (!row) return null;
    const { document, ...info } = fullRow.parse(row);
    return { ...toInfo(info), document };
  }
}

function toInfo({
  revision,
  created_ms: createdMs,
  actor,
  reason,
  restores,
}: z.infer<typeof infoRow>): RevisionInfo {
  return { revision, createdMs, actor, reason, restores };
}
