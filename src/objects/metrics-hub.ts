/**
 * The RPC interface of the MetricsHub (durable-objects/metrics-hub.ts), which collects metrics and points from all isolates, and how
 * isolates reach it. Never on the path of a request.
 */
import type { MetricsDump } from "../analytics/metrics/metric-sums.ts";
import type { ReportAnswer } from "../analytics/reports/report-answer.ts";
import type { ReportQuery } from "../analytics/reports/report-query.ts";
import type { SimulationAnswer, SimulationQuery } from "../simulation/simulation-answer.ts";

export interface MetricsHubRpc extends Rpc.DurableObjectBranded {
  /**
   * Takes a batch (src/analytics/batch.ts). One that arrives twice counts once. @returns whether somebody watches live, so that batches
   * should come soon. @throws if it is malformed.
   */
  record(batch: unknown): boolean;
  /** All sums, stored before they are returned, so that a reader never sees a counter fall. */
  metrics(): MetricsDump;
  /** Answers a report from the stored points. */
  report(query: ReportQuery): ReportAnswer;
  /** Replays stored decisions under two policies, one simulation at a time. @throws if a document does not compile. */
  simulate(query: SimulationQuery): Promise<SimulationAnswer>;
  /** Deletes the stored points of a subject until a moment. Safe to repeat. @returns how many. Not in older versions. */
  erase(subject: string, untilMs: number): number;
  /** Opens a live stream over a WebSocket. The caller has authenticated the viewer. */
  fetch(request: Request): Response | Promise<Response>;
  /** Closes the live streams of a dashboard session that was logged out. */
  endStreams(session: string): void;
}

/** Hubs that isolates are spread over. With more than one, readers add up their sums. */
const SHARDS = 1;

/** Deadline of a call to a hub. */
export const HUB_DEADLINE_MS = 5_000;

export type HubStub = DurableObjectStub<MetricsHubRpc>;
export type HubNamespace = DurableObjectNamespace<MetricsHubRpc>;

/** The hub that an isolate reports to: always the same one. A fresh stub. */
export function hubOf(namespace: HubNamespace, isolate: string): HubStub {
  let sum = 0;
  for (let i = 0; i < isolate.length; i++) sum = (sum * 31 + isolate.charCodeAt(i)) >>> 0;
  return shard(namespace, sum % SHARDS);
}

/** All hubs, for readers. Fresh stubs. */
export function allHubs(namespace: HubNamespace): HubStub[] {
  return Array.from({ length: SHARDS }, (_, i) => shard(namespace, i));
}

/** The hub that serves live streams and reports. A fresh stub. */
export function firstHub(namespace: HubNamespace): HubStub {
  return shard(namespace, 0);
}

function shard(namespace: HubNamespace, i: number): HubStub {
  return namespace.getByName(`hub-${i}`, { retry: { maxRetries: 1, timeoutMs: HUB_DEADLINE_MS } });
}
