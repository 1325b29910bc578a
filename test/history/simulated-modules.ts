/** Setup of every file here: objects report metrics to a hub and write a log, and a simulated world has neither. */
import { vi } from "vitest";

vi.mock("../../durable-objects/object-metrics.ts", () => ({
  objectMetrics: { peak: () => undefined },
  reportMetrics: () => undefined,
  countedStorage: (storage: unknown) => storage,
}));
vi.mock("../../src/log.ts", () => ({ createLog: () => () => undefined, messageOf: String }));
