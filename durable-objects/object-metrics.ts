/**
 * What the objects of one isolate count, and how the hub gets to know: rows written, and how far the outbox is behind.
 *
 * Told at most once a second for all objects of an isolate, in the `waitUntil` of a turn that runs anyway. Never fails or delays a
 * turn: what the hub does not take is told later, or lost with the isolate.
 */
import { hubOf } from "../src/objects/metrics-hub.ts";
import type { Counter } from "../src/analytics/metrics/metric-deltas.ts";
import { MetricDeltas } from "../src/analytics/metrics/metric-deltas.ts";
import { Recorder } from "../src/analytics/recorder.ts";
import { createLog } from "../src/log.ts";

/** So often at most: each telling is a call to the hub, which is billed. */
const TELL_MS = 1_000;

/** Of all objects of the isolate. */
export const objectMetrics = new MetricDeltas();

let recorder: Recorder | null = null;
let toldMs = -Infinity;

/** Tells the hub what has been counted, unless it was told a moment ago. Call from turns that come about once a second. */
export function reportMetrics(ctx: DurableObjectState, env: Env, nowMs = Date.now()): void {
  if (nowMs >= toldMs && nowMs - toldMs < TELL_MS) return;
  toldMs = nowMs;
  recorder ??= new Recorder(
    {
      engine: null,
      embedded: false,
      hub: async (batch) => {
        await hubOf(env.METRICS_HUB, batch.isolate).record(batch);
      },
    },
    objectMetrics,
    createLog("warn"),
  );
  recorder.flush((work) => ctx.waitUntil(work));
}

/** The storage, with every row that is written counted for the class: by SQL as SQLite says, and one for each value and alarm. */
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
      // A statement that writes has run to its end by now; one that reads writes nothing.
      const cursor = sql.exec(query, ...bindings);
      if (cursor.rowsWritten > 0) rows.add(cursor.rowsWritten);
      return cursor;
    };
  });
}

/** The object with some members in the place of its own. Members of the platform's objects insist on their own `this`. */
function proxied<T extends object>(target: T, own: (name: string | symbol) => unknown): T {
  return new Proxy(target, {
    get(_target, name) {
      const member = own(name) ?? Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
