/** The export of CloudEvents, to a receiver that is as strict as their specification. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startEventReceiver } from "./event-receiver.ts";
import { runExport } from "./export-process.ts";
import { stage } from "./stage.ts";
import { proveExact, type Row, rowSchema } from "./trial.ts";

export function exportsEvents(): void {
  describe("to a receiver of CloudEvents", () => {
    it("has each cell once, in valid events, killed half way, rejected for a moment and run twice", async () => {
      const token = "a-secret-of-the-receiver";
      const receiver = await startEventReceiver(token);
      try {
        const rows = async (): Promise<Row[]> =>
          [...receiver.events.values()].map(({ subject, time, data }) =>
            rowSchema.parse({
              ...data,
              account: subject,
              hour: time,
              costMilli: Math.round(data.cost * 1_000),
            }),
          );
        receiver.refusals.push({ status: 503 }, { status: 429, headers: { "Retry-After": "1" } });
        const args = [
          "--to",
          "openmeter",
          "--url",
          receiver.url.href,
          "--state",
          join(stage.directory, "events.json"),
        ];
        const environment = { OPENMETER_TOKEN: token };
        await proveExact({ args, environment, rows, isHalfWay: async () => receiver.events.size > 10 });
        expect(receiver.faults).toEqual([]);
        // The second pass sent all again, with the same ids.
        expect(receiver.counts.events).toBeGreaterThanOrEqual(2 * receiver.events.size);
        const wrong = await runExport([...args, "--restart", "--product", stage.product.url.origin], {
          OPENMETER_TOKEN: "wrong",
        });
        expect(wrong).toMatchObject({ code: 1, notes: expect.stringContaining("set OPENMETER_TOKEN") });
      } finally {
        receiver.close();
      }
    });
  });
}
