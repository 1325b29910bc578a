/** What all hubs together have been told, as Prometheus' text. */
import { MetricStore } from "./metric-store.ts";

/** A hub's side, as its stub offers it. */
export interface CountingHub {
  /** A `MetricsDump`, of which nothing is lost should the hub start again. */
  metrics(): Promise<unknown>;
}

/** Asks every hub at once. @throws where one does not answer: without its share the counters would go down. */
export async function scrape(hubs: readonly CountingHub[], nowMs: number): Promise<string> {
  if (hubs.length === 0) throw new Error("there is no metrics hub");
  const dumps = await Promise.all(hubs.map((hub) => hub.metrics()));
  const store = new MetricStore();
  for (const dump of dumps) {
    if (!store.load(dump, nowMs)) throw new Error("the hub answers something that is no metrics");
  }
  return store.render(nowMs);
}
