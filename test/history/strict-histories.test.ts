/** The random histories of tiers that ask the object for every decision. In a file of their own, so that both halves run side by side. */
import { vi } from "vitest";
import { testHistories } from "./random-histories.ts";

// Objects report metrics to a hub, and there is none here.
vi.mock("../../durable-objects/object-metrics.ts", () => ({
  objectMetrics: { peak: () => undefined },
  reportMetrics: () => undefined,
  countedStorage: (storage: unknown) => storage,
}));
vi.mock("../../src/log.ts", () => ({ createLog: () => () => undefined, messageOf: String }));

testHistories("strict");
