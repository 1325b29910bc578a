/** The export to a real InfluxDB 1.x. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { runExport } from "./export-process.ts";
import { hasInflux, type Server, startInflux } from "./servers.ts";
import { stage } from "./stage.ts";
import { proveExact, type Row, rowSchema } from "./trial.ts";

const HAS_INFLUX = hasInflux();
if (!HAS_INFLUX)
  process.stderr.write("SKIPPED: the export to InfluxDB, because Debian's influxdb is not installed\n");

export function exportsToInflux(): void {
  describe.skipIf(!HAS_INFLUX)("to InfluxDB", () => {
    let server: Server;
    beforeAll(async () => {
      server = await startInflux();
    });
    afterAll(() => server?.stop());

    const seriesSchema = z.object({
      results: z.array(
        z.object({
          series: z.optional(
            z.array(
              z.object({
                tags: z.optional(z.record(z.string(), z.string())),
                columns: z.array(z.string()),
                values: z.array(z.array(z.union([z.string(), z.number(), z.null()]))),
              }),
            ),
          ),
        }),
      ),
    });
    const rows = async (): Promise<Row[]> => {
      const url = new URL("/query", server.url);
      const q = `SELECT requests, cost_milli, denied FROM edge_limiter_usage GROUP BY *`;
      url.search = new URLSearchParams({ db: "usage", epoch: "s", q }).toString();
      const { results } = seriesSchema.parse(await (await fetch(url)).json());
      const decoded = (text = "") => decodeURIComponent(text);
      return results
        .flatMap(({ series = [] }) => series)
        .flatMap(({ tags = {}, values }) =>
          values.map(([time, requests, costMilli, denied]) =>
            rowSchema.parse({
              account: decoded(tags["account"]),
              route: decoded(tags["route"]),
              key: tags["key"],
              unit: tags["unit"],
              hour: new Date(Number(time) * 1_000).toISOString(),
              requests,
              costMilli,
              denied,
            }),
          ),
        );
    };

    it("has the ledgers' rows and sums, killed half way and run twice", async () => {
      const url = new URL("/?db=usage", server.url).href;
      const args = ["--to", "influx", "--url", url, "--state", join(stage.directory, "influx.json")];
      await proveExact({ args, rows, isHalfWay: async () => (await rows()).length > 10 });
    });

    it("says what is wrong and what to do", async () => {
      const args = ["--to", "influx", "--url", server.url.href, "--product", stage.product.url.origin];
      const nameless = await runExport(args);
      expect(nameless).toMatchObject({
        code: 2,
        notes: expect.stringContaining("must name a database (?db=usage)"),
      });
      const other = new URL("/?db=other", server.url).href;
      const state = ["--state", join(stage.directory, "influx.json")];
      expect(
        await runExport(["--to", "influx", "--url", other, ...state, "--product", stage.product.url.origin]),
      ).toMatchObject({
        code: 1,
        notes: expect.stringContaining("name another file by --state"),
      });
    });
  });
}
