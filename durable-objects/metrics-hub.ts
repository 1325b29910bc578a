/**
 * MetricsHub: what all isolates tell of themselves. Sums metrics, stores points for reports, and shows decisions to live viewers.
 *
 * Never on the path of a request: isolates tell it in batches afterwards, and go on without it where it does not answer. A batch
 * that comes twice counts once. Counters are kept in memory and in one snapshot row, which is written every few seconds while
 * batches come, and always before a figure is shown: so a scrape never sees a counter go down, and a crash loses seconds.
 */
import { DurableObject } from "cloudflare:workers";
import * as z from "zod/mini";
import { batchSchema } from "../src/analytics/batch.ts";
import { MetricStore, type MetricsDump } from "../src/analytics/metrics/metric-store.ts";
import type { ReportAnswer } from "../src/analytics/reports/report-answer.ts";
import type { ReportQuery } from "../src/analytics/reports/report-query.ts";
import type { MetricsHubRpc } from "../src/objects/metrics-hub.ts";
import { parseJson } from "../src/json.ts";
import { compilePolicy, type Policy } from "../src/policy/compile.ts";
import {
  MAX_POINTS,
  type SimulationAnswer,
  type SimulationQuery,
} from "../src/simulation/simulation-answer.ts";
import { simulate } from "../src/simulation/simulate.ts";
import { AnalyticsStore } from "./analytics-store/analytics-store.ts";
import { LiveViewers } from "./metrics-hub/live-viewers.ts";
import { migrate, schemaVersion } from "./migrations.ts";
import { countedStorage, objectMetrics } from "./object-metrics.ts";

export const MIGRATIONS: readonly string[] = [
  // One row: the sums, and the last batch of each isolate.
  "CREATE TABLE snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), metrics TEXT NOT NULL, batches TEXT NOT NULL)",
];

/** How old a snapshot may be while batches come: what a crash loses of the counters. */
const SNAPSHOT_MS = 5_000;
/** Isolates of which the last batch is remembered; the one silent longest goes first. */
const MAX_ISOLATES = 2_000;
/** Points are kept for a day: looked through so often where nobody else does. */
const SWEEP_MS = 3_600_000;

const batchesSchema = z.record(z.string(), z.number());

export class MetricsHub extends DurableObject<Env> implements MetricsHubRpc {
  readonly #storage = countedStorage(this.ctx.storage, "MetricsHub");
  #metrics = new MetricStore();
  #store: AnalyticsStore | null = null;
  readonly #viewers: LiveViewers;
  /** The number of each isolate's last batch, the one silent longest first. */
  #batches = new Map<string, number>();
  #isDirty = false;
  #simulates = false;
  /** Until the next snapshot; none is due where nothing is new. */
  #saving: ReturnType<typeof setTimeout> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#viewers = new LiveViewers(ctx);
    this.#read();
  }

  /**
   * Takes a batch, once.
   * @throws where it is none: an isolate of another version, which tries again in vain and counts what it drops.
   */
  record(input: unknown): void {
    const { isolate, seq, points, isStored, metrics } = z.parse(batchSchema, input);
    if (seq <= (this.#batches.get(isolate) ?? 0)) return;
    const nowMs = Date.now();
    this.#migrate();
    if (isStored && points.length > 0) {
      // The alarm goes on by itself while there are any.
      if (this.#points.rows === 0) this.ctx.waitUntil(this.#storage.setAlarm(nowMs + SWEEP_MS));
      // All of a batch or nothing: it may come again.
      this.ctx.storage.transactionSync(() => this.#points.insert(points, nowMs));
    }
    // From here on nothing throws: what is counted is counted once.
    this.#batches.delete(isolate);
    this.#batches.set(isolate, seq);
    for (const name of this.#batches.keys()) {
      if (this.#batches.size <= MAX_ISOLATES) break;
      this.#batches.delete(name);
    }
    if (metrics !== null) this.#metrics.apply(metrics, isolate, nowMs);
    // What this hub and other objects of its isolate count needs no call to get here.
    this.#metrics.apply(objectMetrics.take() ?? [], "hub", nowMs);
    this.#isDirty = true;
    this.#saveSoon();
    this.#viewers.show(points, nowMs);
  }

  /** The sums, after they have been written: whoever reads them adds up all hubs, and renders. */
  metrics(): MetricsDump {
    this.#save();
    return this.#metrics.dump(Date.now());
  }

  /** Answers a report from the stored points. */
  report(query: ReportQuery): ReportAnswer {
    return this.#points.report(query, Date.now());
  }

  /**
   * Replays stored decisions by two policies; other calls get their turn in between. One at a time.
   * @throws where a document does not compile: the caller has compiled them.
   */
  async simulate({ active, edited, revision, fromMs, toMs }: SimulationQuery): Promise<SimulationAnswer> {
    if (this.#simulates) return { kind: "busy" };
    this.#simulates = true;
    try {
      const { decisions, ...head } = this.#points.recorded({ fromMs, toMs }, MAX_POINTS);
      const replay = simulate(compiled(active, revision), compiled(edited, revision), decisions);
      for (;;) {
        const step = replay.next();
        if (step.done) return { kind: "result", ...head, ...step.value };
        await scheduler.wait(0);
      }
    } finally {
      this.#simulates = false;
    }
  }

  /** Opens a live stream (src/api/reports/live.ts has checked who asks). */
  override fetch(request: Request): Response {
    return this.#viewers.open(request);
  }

  /** Ends the live streams of a session that was logged out. */
  endStreams(session: string): void {
    this.#viewers.end(session);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#viewers.told(socket, message);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#viewers.closed(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#viewers.closed(socket);
  }

  /** Forgets points that are too old, also when no new ones come. */
  override async alarm(): Promise<void> {
    this.#points.sweep(Date.now());
    if (this.#points.rows > 0) await this.#storage.setAlarm(Date.now() + SWEEP_MS);
  }

  get #points(): AnalyticsStore {
    return (this.#store ??= new AnalyticsStore(this.#storage.sql));
  }

  #migrate(): void {
    if (schemaVersion(this.#storage) === 0) migrate(this.#storage, MIGRATIONS);
  }

  #read(): void {
    if (schemaVersion(this.#storage) === 0) return;
    migrate(this.#storage, MIGRATIONS);
    for (const row of this.#storage.sql.exec("SELECT metrics, batches FROM snapshot")) {
      this.#metrics.load(parseJson(String(row["metrics"])), Date.now());
      const batches = batchesSchema.safeParse(parseJson(String(row["batches"])));
      if (batches.success) this.#batches = new Map(Object.entries(batches.data));
    }
  }

  #saveSoon(): void {
    this.#saving ??= setTimeout(() => this.#save(), SNAPSHOT_MS);
  }

  #save(): void {
    if (!this.#isDirty) return;
    // A timer that waits would keep the object in memory.
    if (this.#saving !== null) clearTimeout(this.#saving);
    this.#saving = null;
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO snapshot (id, metrics, batches) VALUES (1, ?, ?)",
      JSON.stringify(this.#metrics.dump(Date.now())),
      JSON.stringify(Object.fromEntries(this.#batches)),
    );
    this.#isDirty = false;
  }
}

function compiled(document: string, revision: number): Policy {
  const policy = compilePolicy(parseJson(document), revision);
  if (policy.ok) return policy.value;
  throw new TypeError("a policy to simulate does not compile");
}
