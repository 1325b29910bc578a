/** The metrics of all hubs together, as Prometheus' text. */
import { MetricStore } from "./metric-store.ts";

/** What a scrape needs of a hub's stub. */
export interface CountingHub {
  /** A `MetricsDump` that the hub has stored, so that a restart loses none of it. */
  metrics(): Promise<unknown>;
}

/** Asks all hubs at once. @throws if one does not answer: without its share the counters would go down. */
export async function scrape(hubs: readonly CountingHub[], nowMs: number): Promise<string> {
  if (hubs.length === 0) throw new Error("no metrics hub is configured");
  const dumps = await Promise.all(hubs.map((hub) => hub.metrics()));
  const store = new MetricStore();
  for (const dump of dumps) {
    if (!store.load(dump, nowMs)) throw new Error("the hub did not answer with a metrics dump");
  }
  return store.render(nowMs);
}
