/** The hub as the edge sees it: which object it is, and how it is called. */
import type { MetricsHub } from "../../durable-objects/metrics-hub.ts";

/** Hubs that isolates are spread over. With more than one, readers add up what each of them knows. */
const SHARDS = 1;

/** A call waits no longer. */
export const HUB_DEADLINE_MS = 5_000;

export type HubStub = DurableObjectStub<MetricsHub>;
export type HubNamespace = DurableObjectNamespace<MetricsHub>;

/** The hub that an isolate tells: always the same one. A fresh stub. */
export function hubOf(namespace: HubNamespace, isolate: string): HubStub {
  let sum = 0;
  for (let i = 0; i < isolate.length; i++) sum = (sum * 31 + isolate.charCodeAt(i)) >>> 0;
  return shard(namespace, sum % SHARDS);
}

/** All hubs, for those who read. Fresh stubs. */
export function allHubs(namespace: HubNamespace): HubStub[] {
  return Array.from({ length: SHARDS }, (_, i) => shard(namespace, i));
}

/** Where live viewers are, and reports are made. */
export function firstHub(namespace: HubNamespace): HubStub {
  return shard(namespace, 0);
}

function shard(namespace: HubNamespace, i: number): HubStub {
  return namespace.getByName(`hub-${i}`, { retry: { maxRetries: 1, timeoutMs: HUB_DEADLINE_MS } });
}
