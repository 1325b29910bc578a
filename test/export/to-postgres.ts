/** The export to a real PostgreSQL. */
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresDestination } from "../../scripts/export-usage/postgres.ts";
import { postgresDashboard, SCHEMA } from "../../scripts/monitoring/postgres-dashboard.ts";
import { eventually, freePort } from "../blackbox/product.ts";
import { cutShort, type Environment, type Ran, runExport, startExport } from "./export-process.ts";
import { findPostgres, type PostgresServer, startPostgres } from "./servers.ts";
import { stage } from "./stage.ts";
import { ledgerOf, proveExact, type Row, rowSchema } from "./trial.ts";
import { sorted, type Used } from "./used-product.ts";

const PASSWORD = "a-secret-of-the-database";
const POSTGRES = await findPostgres();
if (POSTGRES === null)
  process.stderr.write("SKIPPED: the export to PostgreSQL, because Debian's postgresql is not installed\n");

export function exportsToPostgres(): void {
  describe.skipIf(POSTGRES === null)("to PostgreSQL", () => {
    let server: PostgresServer;
    let sql: postgres.Sql;
    const environment = { PGPASSWORD: PASSWORD };

    beforeAll(async () => {
      server = await startPostgres(POSTGRES ?? "", PASSWORD);
      sql = postgres(server.url.href, { password: PASSWORD, max: 2, onnotice: () => undefined });
    });
    afterAll(async () => {
      await sql?.end({ timeout: 1 });
      await server?.stop();
    });

    const to = (schema: string) => ["--to", "postgres", "--url", server.url.href, "--schema", schema];
    const rowsIn = async (schema: string): Promise<Row[]> => {
      const found =
        await sql`SELECT account, to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS hour, route, key,
      unit, requests, cost * 1000 AS "costMilli", denied FROM ${sql(`${schema}.usage`)}`;
      return found.map((row) => rowSchema.parse(row));
    };
    const cursorIn = async (schema: string): Promise<string | null> => {
      const [known] = await sql`SELECT to_regclass(${`${schema}.progress`}) AS name`;
      if (typeof known?.["name"] !== "string") return null;
      const [row] = await sql<{ cursor: string | null }[]>`SELECT cursor FROM ${sql(`${schema}.progress`)}`;
      return row?.cursor ?? null;
    };
    const isBegun = (schema: string) => async () =>
      (await cursorIn(schema)) !== null && (await rowsIn(schema)).length > 10;
    const all = (schema: string) => [...to(schema), "--product", stage.product.url.origin];

    it("has the ledgers' rows and sums, killed half way and run twice", async () => {
      const { out } = await proveExact({
        args: to("exact"),
        environment,
        rows: () => rowsIn("exact"),
        isHalfWay: isBegun("exact"),
      });
      // The totals of the last line are those of the rows.
      const [sums] =
        await sql`SELECT sum(requests) AS requests, sum(cost) FILTER (WHERE unit = 'requests') AS cost,
      sum(denied) AS denied FROM exact.usage`;
      expect(out).toContain(
        `${sums?.["requests"]} requests, cost ${sums?.["cost"]}, ${sums?.["denied"]} denied`,
      );
      const [progress] = await sql`SELECT exported_until FROM exact.progress`;
      expect(out).toContain(
        `before ${new Date(String(progress?.["exported_until"])).toISOString().slice(0, 13)}`,
      );
    });

    it("loses and repeats nothing, killed again and again at random", async () => {
      const args = [...all("killed"), "--page", "1"];
      const lasted: number[] = [];
      for (let run = 0; run < 6; run++) {
        const running = startExport(args, environment);
        const before = await cursorIn("killed");
        await cutShort(running, "SIGKILL", async () => (await cursorIn("killed")) !== before);
        lasted.push((await rowsIn("killed")).length);
      }
      expect(lasted).toEqual(lasted.toSorted((a, b) => a - b));
      expect((await runExport(args, environment)).code).toBe(0);
      expect(sorted(ledgerOf(await rowsIn("killed")))).toEqual(sorted(stage.ledger));
    });

    it("interrupted, it ends with 130 after the page, and resumes there", async () => {
      const args = [...all("interrupted"), "--page", "1"];
      const ran = await cutShort(startExport(args, environment), "SIGINT", isBegun("interrupted"));
      expect(ran).toMatchObject({ code: 130, notes: expect.stringContaining("run this again to resume") });
      const rows = await rowsIn("interrupted");
      expect((await runExport(args, environment)).code).toBe(0);
      expect(rows.length).toBeLessThan((await rowsIn("interrupted")).length);
      expect(sorted(ledgerOf(await rowsIn("interrupted")))).toEqual(sorted(stage.ledger));
    });

    it("creates its tables once, if several begin at the same time", async () => {
      const url = new URL(server.url);
      url.password = PASSWORD;
      const job = { name: "all", product: "https://p.example", isRestart: false };
      for (const schema of ["first", "second", "third", "fourth"]) {
        const several = Array.from({ length: 6 }, () => new PostgresDestination(url, schema));
        expect(await Promise.all(several.map((one) => one.open(job, false)))).toEqual(
          several.map(() => null),
        );
        await Promise.all(several.map((one) => one.close()));
      }
    });

    it("continues when the server comes back from a crash", async () => {
      const running = startExport([...all("crashed"), "--page", "1"], environment);
      await eventually(20_000, "it has begun", async () => (await isBegun("crashed")()) || null);
      await server.restart();
      const ran = await running.ended;
      expect(ran, ran.notes).toMatchObject({
        code: 0,
        notes: expect.stringMatching(/; trying again in \d+ s/),
      });
      expect(sorted(ledgerOf(await rowsIn("crashed")))).toEqual(sorted(stage.ledger));
    });

    it("waits for a server that does not answer, and can be interrupted then", async () => {
      const closed = new URL(server.url);
      closed.port = String(await freePort());
      const running = startExport(
        ["--to", "postgres", "--url", closed.href, "--product", stage.product.url.origin],
        environment,
      );
      let notes = "";
      running.child.stderr?.on("data", (text: string) => (notes += text));
      const ran = await cutShort(running, "SIGINT", () =>
        /does not answer .*; trying again in \d+ s/.test(notes),
      );
      expect(ran.code).toBe(130);
    });

    it("run twice at the same time, one of them stops or both end, and the rows are right", async () => {
      const args = [...all("twice"), "--page", "1"];
      const both = await Promise.all([runExport(args, environment), runExport(args, environment)]);
      const codes = both.map(({ code }) => code).toSorted();
      expect(codes[0]).toBe(0);
      const stopped = both.find(({ code }) => code !== 0);
      if (stopped) expect(stopped.notes).toContain("another export has written");
      expect((await runExport(args, environment)).code).toBe(0);
      expect(sorted(ledgerOf(await rowsIn("twice")))).toEqual(sorted(stage.ledger));
    });

    it("a dry run counts everything and writes nothing", async () => {
      const dry = await runExport([...all("dry"), "--dry-run"], environment);
      expect(dry, dry.notes).toMatchObject({ code: 0, out: expect.stringContaining("would be exported") });
      expect(await sql`SELECT 1 FROM pg_namespace WHERE nspname = 'dry'`).toEqual([]);
      const real = await runExport(all("dry"), environment);
      expect(real.out.split(";")[0]).toBe(dry.out.split(";")[0]);
    });

    it("a range is exported again without moving the progress of the whole", async () => {
      expect((await runExport(all("again"), environment)).code).toBe(0);
      const [before] = await sql`SELECT cursor, exported_until FROM again.progress WHERE job = 'all'`;
      const [{ hour } = { hour: new Date() }] = await sql<
        { hour: Date }[]
      >`SELECT hour FROM again.usage ORDER BY hour LIMIT 1`;
      await sql`DELETE FROM again.usage WHERE hour = ${hour}`;
      await sql`UPDATE again.usage SET requests = 99`;
      const end = new Date(hour.getTime() + 3_600_000).toISOString().replace(".000Z", "Z");
      const one = await runExport(
        [...all("again"), "--from", hour.toISOString().replace(".000Z", "Z"), "--to-hour", end],
        environment,
      );
      expect(one, one.notes).toMatchObject({ code: 0 });
      const first = (rows: readonly Row[]) => rows.filter((row) => Date.parse(row.hour) === hour.getTime());
      const expected = sorted(stage.ledger).filter(([key]) =>
        key.includes(` ${hour.toISOString().slice(0, 13)}`),
      );
      expect(expected.length).toBeGreaterThan(10);
      expect(sorted(ledgerOf(first(await rowsIn("again"))))).toEqual(expected);
      // Of one user.
      const user = ["--account", "acme", "--from", "2020-01-01"];
      expect((await runExport([...all("again"), ...user], environment)).code).toBe(0);
      expect(
        (await rowsIn("again")).filter(({ account, requests }) => account === "acme" && requests === 99),
      ).toEqual([]);
      const [after] = await sql`SELECT cursor, exported_until FROM again.progress WHERE job = 'all'`;
      expect(after).toEqual(before);
    });

    it("every query of the Grafana dashboard over its tables returns rows", async () => {
      const ran = await runExport(
        ["--to", "postgres", "--url", server.url.href, "--product", stage.product.url.origin],
        environment,
      );
      expect(ran, ran.notes).toMatchObject({ code: 0 });
      // The plugin's expansion of its macros.
      const expanded = (text: string) =>
        text
          .replaceAll(
            "$__timeFilter(hour)",
            "hour BETWEEN now() - interval '1 day' AND now() + interval '1 day'",
          )
          .replaceAll("$__timeGroupAlias(hour, '1h')", 'floor(extract(epoch from hour)/3600)*3600 AS "time"');
      const answers = new Map<string, readonly Record<string, unknown>[]>();
      for (const { title, queries } of postgresDashboard.panels) {
        for (const { text } of queries) {
          expect(text).toContain(`FROM ${SCHEMA}.`);
          expect(expanded(text)).not.toContain("$");
          const found = await sql.unsafe(expanded(text));
          expect(found.length, title).toBeGreaterThan(0);
          answers.set(title, found);
        }
      }
      const sum = (of: (used: Used) => number): number =>
        [...stage.ledger.values()].reduce((total, used) => total + of(used), 0);
      const [requests, denied] = [sum((used) => used.requests), sum((used) => used.denied)];
      expect(denied).toBeGreaterThan(0);
      expect(answers.get("Requests")).toEqual([{ requests: String(requests) }]);
      expect(Number(answers.get("Denied")?.[0]?.["share"])).toBeCloseTo(denied / (requests + denied));
      const hours = answers.get("Requests by hour") ?? [];
      expect(hours.reduce((total, { admitted }) => total + Number(admitted), 0)).toBe(requests);
      const tokens = answers.get("Cost by unit")?.filter(({ metric }) => metric === "tokens") ?? [];
      expect(tokens.reduce((total, { cost }) => total + Number(cost) * 1_000, 0)).toBe(
        sum(({ units }) => units["tokens"] ?? 0),
      );
    });

    it("says what is wrong and what to do, and never a secret", async () => {
      const fault = async (args: readonly string[], given: Environment = environment): Promise<Ran> => {
        const ran = await runExport([...args, "--product", stage.product.url.origin], given);
        expect(ran.notes).not.toContain(PASSWORD);
        expect(ran.notes).not.toContain("another-secret");
        return ran;
      };
      expect(await fault(to("faults"), { PGPASSWORD: "another-secret" })).toMatchObject({
        code: 1,
        notes: expect.stringContaining("rejects the user or the password: set PGPASSWORD"),
      });
      const inUrl = new URL(server.url);
      inUrl.password = "another-secret";
      expect(await fault(["--to", "postgres", "--url", inUrl.href], {})).toMatchObject({ code: 1 });
      const nowhere = new URL("/nowhere", server.url);
      expect(await fault(["--to", "postgres", "--url", nowhere.href])).toMatchObject({
        code: 1,
        notes: expect.stringContaining('there is no database "nowhere": createdb nowhere'),
      });
      await sql`CREATE ROLE reader LOGIN PASSWORD ${sql.unsafe(`'${PASSWORD}'`)}`.catch(() => undefined);
      const reader = new URL(server.url);
      reader.username = "reader";
      expect(await fault(["--to", "postgres", "--url", reader.href])).toMatchObject({
        code: 1,
        notes: expect.stringContaining("GRANT CREATE ON DATABASE"),
      });
      await sql.unsafe("CREATE SCHEMA newer; CREATE TABLE newer.schema_version AS SELECT 2 AS version");
      expect(await fault(to("newer"))).toMatchObject({
        code: 1,
        notes: expect.stringContaining("run the latest version"),
      });
      expect(await fault(to("faults"), { ...environment, ADMIN_TOKEN: "another-secret" })).toMatchObject({
        code: 1,
        notes: expect.stringContaining("rejects the admin token: set ADMIN_TOKEN"),
      });
      await runExport(all("faults"), environment);
      await sql`UPDATE faults.progress SET product = 'https://other.example'`;
      expect(await fault(to("faults"))).toMatchObject({
        code: 1,
        notes: expect.stringContaining("https://other.example"),
      });
    });
  });
}
