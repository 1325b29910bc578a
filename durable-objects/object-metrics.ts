/**
 * Metrics of the objects of one isolate, rows written and the lag of outboxes, and their way to the hub: with an answer to the edge, which
 * has a batch for the hub anyway; else in a report of their own.
 *
 * Reported at most every thirty seconds for all objects of an isolate, by a turn that runs anyway. Never fails or delays a turn: what the hub
 * does not take is reported later, or lost with the isolate or the answer.
 */
import { hubOf } from "../src/objects/metrics-hub.ts";
import { type Counter, MetricDeltas, type MetricsDelta } from "../src/analytics/metrics/metric-deltas.ts";
import { Recorder } from "../src/analytics/recorder.ts";
import { createLog } from "../src/log.ts";

/** Time between reports, at least: each is a billed call to the hub, which then writes. */
const REPORT_EVERY_MS = 30_000;

/** Counters of all objects of the isolate. */
export const objectMetrics = new MetricDeltas();

let recorder: Recorder | null = null;
let reportedMs = -Infinity;

/** What was counted, for an answer to carry; null if nothing was, or if the last report was a moment ago. */
export function dueMetrics(nowMs: number): MetricsDelta | null {
  return isDue(nowMs) ? objectMetrics.take() : null;
}

/** Whether the last report was not a moment ago. Then the caller reports. */
function isDue(nowMs: number): boolean {
  if (nowMs >= reportedMs && nowMs - reportedMs < REPORT_EVERY_MS) return false;
  reportedMs = nowMs;
  return true;
}

/** Reports to the hub what was counted, unless the last report was a moment ago. For work that no edge waits for. */
export function reportMetrics(ctx: DurableObjectState, env: Env): void {
  if (!isDue(Date.now())) return;
  recorder ??= new Recorder(
    {
      engine: null,
      embedded: false,
      hub: async (batch) => {
        await hubOf(env.METRICS_HUB, batch.isolate).record(batch);
        return false;
      },
    },
    objectMetrics,
    createLog("warn"),
    // An object that waits is billed.
    0,
  );
  recorder.flush((work) => ctx.waitUntil(work));
}

/** The storage, counting rows written for the class: those of SQL as SQLite reports them, and one for each value and alarm. */
export function countedStorage(storage: DurableObjectStorage, object: string): DurableObjectStorage {
  const rows = objectMetrics.counter("rowsWritten", [object]);
  const sql = countedSql(storage.sql, rows);
  const kv = proxied(storage.kv, (name) => {
    if (name !== "put") return undefined;
    return (key: string, value: unknown): void => {
      rows.add();
      storage.kv.put(key, value);
    };
  });
  return proxied(storage, (name) => {
    if (name === "sql") return sql;
    if (name === "kv") return kv;
    if (name !== "setAlarm") return undefined;
    return (...when: Parameters<DurableObjectStorage["setAlarm"]>): Promise<void> => {
      rows.add();
      return storage.setAlarm(...when);
    };
  });
}

function countedSql(sql: SqlStorage, rows: Counter): SqlStorage {
  return proxied(sql, (name) => {
    if (name !== "exec") return undefined;
    return (query: string, ...bindings: SqlStorageValue[]) => {
      // A statement that writes has run completely at this point; one that reads writes nothing.
      const cursor = sql.exec(query, ...bindings);
      if (cursor.rowsWritten > 0) rows.add(cursor.rowsWritten);
      return cursor;
    };
  });
}

/** The object with some members replaced. Methods of platform objects need their original `this`. */
function proxied<T extends object>(target: T, own: (name: string | symbol) => unknown): T {
  return new Proxy(target, {
    get(_target, name) {
      const member = own(name) ?? Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
