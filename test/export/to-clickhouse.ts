/** The export to ClickHouse's engine. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChdb } from "../reports/chdb.ts";
import { type Server, startClickHouse } from "./servers.ts";
import { proveExact, type Row, rowSchema } from "./trial.ts";

const HAS_CHDB = hasChdb();
if (!HAS_CHDB)
  process.stderr.write("SKIPPED: the export to ClickHouse, because python3 has no chdb (pip install chdb)\n");

export function exportsToClickHouse(): void {
  describe.skipIf(!HAS_CHDB)("to ClickHouse", () => {
    let server: Server;
    beforeAll(async () => {
      server = await startClickHouse();
    });
    afterAll(() => server?.stop());

    it("has the ledgers' rows and sums, killed half way and run twice", async () => {
      const ask = async (sql: string): Promise<string> => {
        const response = await fetch(new URL("/?database=limits", server.url), { method: "POST", body: sql });
        return response.status === 200 ? response.text() : "";
      };
      const rows = async (): Promise<Row[]> => {
        const columns =
          "account, formatDateTime(hour, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS hour, route, key, unit, requests, denied";
        const text = await ask(
          `SELECT ${columns}, cost * 1000 AS costMilli FROM edge_limiter_usage FORMAT JSONEachRow`,
        );
        return text.split("\n").flatMap((line) => (line === "" ? [] : rowSchema.parse(JSON.parse(line))));
      };
      const args = ["--to", "clickhouse", "--url", new URL("/?database=limits", server.url).href];
      await proveExact({ args, rows, isHalfWay: async () => (await rows()).length > 20, page: 9 });
      // Nothing but the same rows again has been replaced.
      const stored = Number(await ask("SELECT count() FROM edge_limiter_usage_rows"));
      expect(stored).toBeGreaterThanOrEqual((await rows()).length);
    });
  });
}
