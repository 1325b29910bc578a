/**
 * MetricsHub collects the batches of all isolates: it sums metrics, stores points for reports, and shows decisions to live viewers.
 *
 * Never on the path of a request: isolates send batches afterwards, and work without the hub if it does not answer. A batch that arrives
 * twice counts once. Counters are in memory and in one snapshot row, which is written every few seconds while batches arrive, and always
 * before a figure is shown: so a scrape never sees a counter go down, and a crash loses only seconds. While batches are rare, the snapshot
 * goes into the row of points that each of them writes anyway.
 */
import * as z from "zod/mini";
import { batchSchema } from "../src/analytics/batch.ts";
import type { MetricsDump } from "../src/analytics/metrics/metric-sums.ts";
import type { ReportAnswer } from "../src/analytics/reports/report-answer.ts";
import type { ReportQuery } from "../src/analytics/reports/report-query.ts";
import { HOUR_MS, SECOND_MS } from "../src/core/time.ts";
import type { MetricsHubRpc } from "../src/objects/metrics-hub.ts";
import { parseJson } from "../src/json.ts";
import { compilePolicy, type Policy } from "../src/policy/compile.ts";
import {
  MAX_POINTS,
  type SimulationAnswer,
  type SimulationQuery,
} from "../src/simulation/simulation-answer.ts";
import { type AnalyticsModule, loadAnalytics } from "../src/analytics-module.ts";
import { loadBilling } from "../src/billing-module.ts";
import type { Point } from "../src/analytics/point.ts";
import type { AnalyticsStore } from "./analytics-store/analytics-store.ts";
import type { HubSums } from "./metrics-hub/hub-sums.ts";
import type { LiveViewers } from "./metrics-hub/live-viewers.ts";
import { migrate, schemaVersion } from "./migrations.ts";
import { countedStorage, objectMetrics } from "./object-metrics.ts";
import { PlacedObject } from "./placed-object.ts";

export const MIGRATIONS: readonly string[] = [
  // One row: the sums, and the number of each isolate's last batch.
  "CREATE TABLE snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), metrics TEXT NOT NULL, batches TEXT NOT NULL)",
];

/** How old a snapshot may be while batches arrive, and so what a crash loses of the counters. */
const SNAPSHOT_MS = 5 * SECOND_MS;
/** A batch that comes so long after the one before is rare. */
const RARE_MS = SECOND_MS;
/** Longest snapshot that goes into a row of points, UTF-16 units: that has as many again, and may have two megabytes. */
const MAX_NOTE = 300_000;
/** How often old points are deleted if no new ones arrive. They are kept for a day. */
const SWEEP_MS = HOUR_MS;

export class MetricsHub extends PlacedObject implements MetricsHubRpc {
  readonly #storage = countedStorage(this.ctx.storage, "MetricsHub");
  /** These three are there before the first call. */
  #analytics: AnalyticsModule | null = null;
  #counted: HubSums | null = null;
  #shown: LiveViewers | null = null;
  #store: AnalyticsStore | null = null;
  #isDirty = false;
  /** Whether the newest row of points has the snapshot, and the snapshot row an older one. */
  #isNoted = false;
  #savedAtMs = -Infinity;
  #batchAtMs = -Infinity;
  #isSimulating = false;
  /** Timer of the next snapshot; null if nothing is new. */
  #saving: ReturnType<typeof setTimeout> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      this.#analytics = await loadAnalytics();
      this.#shown = new this.#analytics.LiveViewers(ctx);
      this.#read();
    });
  }

  /**
   * Records a batch, once.
   * @returns whether somebody watches live.
   * @throws if it is malformed: an isolate of another version sent it, which tries again in vain and counts what it drops.
   */
  record(input: unknown): boolean {
    const { isolate, seq, points, isStored, metrics } = z.parse(batchSchema, input);
    if (this.#sums.has(isolate, seq)) return this.#viewers.areAny;
    const nowMs = Date.now();
    this.#migrate();
    const isRare = Math.abs(nowMs - this.#batchAtMs) >= RARE_MS;
    this.#batchAtMs = nowMs;
    const stored = isStored ? points : [];
    // The alarm re-arms itself while there are points.
    if (stored.length > 0 && this.#points.rows === 0)
      this.ctx.waitUntil(this.#storage.setAlarm(nowMs + SWEEP_MS));
    const count = (): void => {
      this.#sums.count(isolate, seq, metrics, nowMs);
      // Counts of this hub and of other objects in its isolate need no call.
      this.#sums.add(objectMetrics.take() ?? [], "hub", nowMs);
    };
    if (isRare && !this.#isDirty && stored.length > 0 && this.#sums.length <= MAX_NOTE) {
      this.#storeWithNote(stored, count, nowMs);
    } else {
      if (stored.length > 0) {
        // The next row of points does not have it.
        if (this.#isNoted) this.#write();
        // The whole batch or nothing: it may arrive again.
        this.ctx.storage.transactionSync(() => this.#points.insert(stored, nowMs));
      }
      // Nothing below throws, so a batch is counted once.
      count();
      this.#isDirty = true;
      this.#saveSoon(isRare, nowMs);
    }
    this.#viewers.show(points, nowMs);
    return this.#viewers.areAny;
  }

  /** Counts a batch and stores its points with the snapshot, in one row. */
  #storeWithNote(points: readonly Point[], count: () => void, nowMs: number): void {
    count();
    try {
      const note = this.#sums.asNote(nowMs);
      this.ctx.storage.transactionSync(() => this.#points.insert(points, nowMs, note));
    } catch (thrown) {
      // It may arrive again, and must then count.
      this.#read();
      throw thrown;
    }
    this.#isNoted = true;
  }

  /** The sums, stored before they are returned. The reader adds up all hubs and renders. */
  metrics(): MetricsDump {
    this.#save();
    return this.#sums.dump(Date.now());
  }

  /** Answers a report from the stored points. */
  report(query: ReportQuery): ReportAnswer {
    return this.#points.report(query, Date.now());
  }

  /**
   * Replays stored decisions under two policies, yielding to other calls in between. One simulation at a time.
   * @throws TypeError if a document does not compile: the caller has compiled them.
   */
  async simulate({ active, edited, revision, fromMs, toMs }: SimulationQuery): Promise<SimulationAnswer> {
    if (this.#isSimulating) return { kind: "busy" };
    this.#isSimulating = true;
    try {
      const { decisions, ...head } = this.#points.recorded({ fromMs, toMs }, MAX_POINTS);
      const [inForce, draft] = [compiled(active, revision), compiled(edited, revision)];
      const isBilled = inForce.billing !== null || draft.billing !== null;
      const overage = isBilled ? (await loadBilling()).withOverage : null;
      const replay = this.#loaded.simulate(inForce, draft, decisions, overage);
      for (;;) {
        const step = replay.next();
        if (step.done) return { kind: "result", ...head, ...step.value };
        await scheduler.wait(0);
      }
    } finally {
      this.#isSimulating = false;
    }
  }

  /** Deletes the points of a subject. */
  erase(subject: string, untilMs: number): number {
    // The snapshot may be in a row of points that is rewritten.
    if (this.#isNoted) this.#write();
    return this.ctx.storage.transactionSync(() => this.#points.erase(subject, untilMs));
  }

  /** Opens a live stream. src/api/reports/live.ts has authenticated the viewer. */
  override fetch(request: Request): Response {
    return this.#viewers.open(request);
  }

  /** Ends the live streams of a session that was logged out. */
  endStreams(session: string): void {
    this.#viewers.end(session);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#viewers.receive(socket, message);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#viewers.closed(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#viewers.closed(socket);
  }

  /** Deletes old points, even if no new ones arrive. */
  override async alarm(): Promise<void> {
    if (this.#isNoted) this.#write();
    this.#points.sweep(Date.now());
    if (this.#points.rows > 0) await this.#storage.setAlarm(Date.now() + SWEEP_MS);
  }

  get #points(): AnalyticsStore {
    return (this.#store ??= new this.#loaded.AnalyticsStore(this.#storage.sql));
  }

  get #loaded(): AnalyticsModule {
    return present(this.#analytics);
  }

  get #sums(): HubSums {
    return present(this.#counted);
  }

  get #viewers(): LiveViewers {
    return present(this.#shown);
  }

  #migrate(): void {
    if (schemaVersion(this.#storage) === 0) migrate(this.#storage, MIGRATIONS);
  }

  /** Reads what storage has, in place of what is in memory. */
  #read(): void {
    this.#counted = new this.#loaded.HubSums();
    if (schemaVersion(this.#storage) === 0) return;
    migrate(this.#storage, MIGRATIONS);
    const { note } = this.#points;
    this.#isNoted = note !== null && this.#sums.loadNote(note, Date.now());
    if (this.#isNoted) return;
    for (const row of this.#storage.sql.exec("SELECT metrics, batches FROM snapshot")) {
      this.#sums.loadRow(String(row["metrics"]), String(row["batches"]), Date.now());
    }
  }

  /** At once if batches are rare: a timer would keep the object in memory, which is billed and costs more than a row. */
  #saveSoon(isRare: boolean, nowMs: number): void {
    if (isRare || Math.abs(nowMs - this.#savedAtMs) >= SNAPSHOT_MS) this.#save();
    else this.#saving ??= setTimeout(() => this.#save(), SNAPSHOT_MS);
  }

  #save(): void {
    if (!this.#isDirty) return;
    // A pending timer would keep the object in memory.
    if (this.#saving !== null) clearTimeout(this.#saving);
    this.#saving = null;
    this.#write();
  }

  /** Writes the snapshot into its own row. */
  #write(): void {
    const texts = this.#sums.asRow(Date.now());
    this.ctx.storage.transactionSync(() => {
      this.#storage.sql.exec(
        "INSERT OR REPLACE INTO snapshot (id, metrics, batches) VALUES (1, ?, ?)",
        ...texts,
      );
      if (this.#isNoted) this.#points.dropNote();
    });
    this.#isNoted = this.#isDirty = false;
    this.#savedAtMs = Date.now();
  }
}

/** What the constructor has loaded. */
function present<T>(part: T | null): T {
  if (part === null) throw new Error("called before its constructor was done");
  return part;
}

function compiled(document: string, revision: number): Policy {
  const policy = compilePolicy(parseJson(document), revision);
  if (policy.ok) return policy.value;
  throw new TypeError("a policy to simulate does not compile");
}
