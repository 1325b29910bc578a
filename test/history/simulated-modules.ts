/**
 * Setup of every file here: objects report metrics to a hub and write a log, and a simulated world has neither. Each policy is compiled
 * once, although every world publishes it under another revision.
 */
import { vi } from "vitest";
import type * as Compile from "../../src/policy/compile.ts";
import { loadBilling } from "../../src/billing-module.ts";
import { loadControl } from "../../src/control-module.ts";
import { loadEvents } from "../../src/event-module.ts";

vi.mock("../../durable-objects/object-metrics.ts", () => ({
  objectMetrics: { peak: () => undefined, add: () => undefined, observe: () => undefined },
  dueMetrics: () => null,
  reportMetrics: () => undefined,
  countedStorage: (storage: unknown) => storage,
}));
vi.mock("../../src/log.ts", () => ({ createLog: () => () => undefined, messageOf: String }));
vi.mock("../../src/policy/compile.ts", async (original) => {
  const module = await original<typeof Compile>();
  const compiled = new Map<string, ReturnType<typeof Compile.compilePolicy>>();
  const compilePolicy: typeof Compile.compilePolicy = (document, revision) => {
    const text = JSON.stringify(document);
    const known = compiled.get(text) ?? module.compilePolicy(document, revision);
    compiled.set(text, known);
    return known.ok ? { ok: true, value: { ...known.value, revision } } : known;
  };
  return { ...module, compilePolicy };
});

// In simulated time, nothing waits for a file.
await Promise.all([loadBilling(), loadControl(), loadEvents()]);
