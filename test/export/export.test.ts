/**
 * `npm run export:usage` from a started product to real servers: killed half way and run twice, the destination has the ledgers' rows and
 * sums, neither more nor less.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { eventually, freePort, type Product } from "../blackbox/product.ts";
import { postgresDashboard, SCHEMA } from "../../scripts/monitoring/postgres-dashboard.ts";
import { hasChdb } from "../reports/chdb.ts";
import { startEventReceiver } from "./event-receiver.ts";
import { cutShort, type Environment, type Ran, runExport, startExport } from "./export-process.ts";
import {
  findPostgres,
  hasInflux,
  type PostgresServer,
  type Server,
  startClickHouse,
  startInflux,
  startPostgres,
} from "./servers.ts";
import { addUsage, type Ledger, sorted, startUsedProduct, type Used } from "./used-product.ts";

const PASSWORD = "a-secret-of-the-database";
const POSTGRES = await findPostgres();
const HAS_INFLUX = hasInflux();
const HAS_CHDB = hasChdb();
for (const [what, isThere] of [
  ["PostgreSQL (Debian's postgresql)", POSTGRES !== null],
  ["InfluxDB (Debian's influxdb)", HAS_INFLUX],
  ["ClickHouse (pip install chdb)", HAS_CHDB],
] as const) {
  if (!isThere) process.stderr.write(`SKIPPED: the export to ${what}, because it is not installed\n`);
}

let checkout: Checkout;
let product: Product;
let ledger: Ledger;
let directory: string;

beforeAll(async () => {
  [checkout, directory] = await Promise.all([
    makeCheckout({ devVars: LONG_DEADLINE }),
    mkdtemp(join(tmpdir(), "edge-limiter-export-")),
  ]);
  ({ product, ledger } = await startUsedProduct(checkout));
}, 240_000);
afterAll(async () => {
  await product?.run.kill();
  await Promise.all([checkout?.remove(), rm(directory, { recursive: true, force: true })]);
});

/** A row as destinations have it. */
const rowSchema = z.object({
  account: z.string(),
  hour: z.string(),
  route: z.string(),
  key: z.string(),
  unit: z.string(),
  requests: z.coerce.number(),
  costMilli: z.coerce.number(),
  denied: z.coerce.number(),
});
type Row = z.infer<typeof rowSchema>;

/** What the rows add up to. Fails if two have the same key. */
function ledgerOf(rows: readonly Row[]): Ledger {
  const found: Ledger = new Map();
  const keys = rows.map(({ account, hour, route, key, unit }) =>
    JSON.stringify([account, hour, route, key, unit]),
  );
  expect(new Set(keys).size).toBe(rows.length);
  for (const { account, hour, route, unit, requests, costMilli, denied } of rows) {
    const isRequests = unit === "requests";
    addUsage(found, [account, hour.replace(/\.000Z$/, "Z"), route], {
      requests,
      denied,
      costMilli: isRequests ? costMilli : 0,
      units: isRequests ? {} : { [unit]: costMilli },
    });
  }
  return found;
}

interface Trial {
  readonly args: readonly string[];
  readonly environment?: Environment;
  /** Of the destination. */
  readonly rows: () => Promise<Row[]>;
  /** Whether some cells are stored, but not all. */
  readonly isHalfWay: () => Promise<boolean>;
  /** Cells of a page: few, so that there are many. */
  readonly page?: number;
}

/** Killed half way, run to the end, run again, and begun anew: the rows are the ledgers' every time. */
async function proveExact({ args, environment = {}, rows, isHalfWay, page = 2 }: Trial): Promise<Ran> {
  const all = [...args, "--product", product.url.origin, "--page", String(page)];
  const killed = await cutShort(startExport(all, environment), "SIGKILL", isHalfWay);
  expect(killed.code).toBe("SIGKILL");
  expect((await rows()).length).toBeGreaterThan(0);
  const expected = sorted(ledger);
  expect(sorted(ledgerOf(await rows())).length).toBeLessThan(expected.length);
  const finished = await runExport(all, environment);
  expect(finished, finished.notes).toMatchObject({ code: 0 });
  expect(finished.notes).toContain("going on where the last export ended");
  expect(sorted(ledgerOf(await rows()))).toEqual(expected);
  const again = await runExport(all, environment);
  expect(again, again.notes).toMatchObject({ code: 0, out: expect.stringMatching(/^0 cells of 0 accounts/) });
  const anew = await runExport([...all, "--restart"], environment);
  expect(anew, anew.notes).toMatchObject({ code: 0 });
  expect(sorted(ledgerOf(await rows()))).toEqual(expected);
  for (const { out, notes } of [killed, finished, again, anew]) {
    for (const secret of Object.values(environment)) expect(`${out}${notes}`).not.toContain(secret);
  }
  return anew;
}

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
  const all = (schema: string) => [...to(schema), "--product", product.url.origin];

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
    expect(sorted(ledgerOf(await rowsIn("killed")))).toEqual(sorted(ledger));
  });

  it("interrupted, it ends with 130 after the page, and goes on there", async () => {
    const args = [...all("interrupted"), "--page", "1"];
    const ran = await cutShort(startExport(args, environment), "SIGINT", isBegun("interrupted"));
    expect(ran).toMatchObject({ code: 130, notes: expect.stringContaining("run this again to go on") });
    const rows = await rowsIn("interrupted");
    expect((await runExport(args, environment)).code).toBe(0);
    expect(rows.length).toBeLessThan((await rowsIn("interrupted")).length);
    expect(sorted(ledgerOf(await rowsIn("interrupted")))).toEqual(sorted(ledger));
  });

  it("goes on when the server comes back from a crash", async () => {
    const running = startExport([...all("crashed"), "--page", "1"], environment);
    await eventually(20_000, "it has begun", async () => (await isBegun("crashed")()) || null);
    await server.restart();
    const ran = await running.ended;
    expect(ran, ran.notes).toMatchObject({
      code: 0,
      notes: expect.stringMatching(/; trying again in \d+ s/),
    });
    expect(sorted(ledgerOf(await rowsIn("crashed")))).toEqual(sorted(ledger));
  });

  it("waits for a server that does not answer, and can be interrupted then", async () => {
    const closed = new URL(server.url);
    closed.port = String(await freePort());
    const running = startExport(
      ["--to", "postgres", "--url", closed.href, "--product", product.url.origin],
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
    expect(sorted(ledgerOf(await rowsIn("twice")))).toEqual(sorted(ledger));
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
    const expected = sorted(ledger).filter(([key]) => key.includes(` ${hour.toISOString().slice(0, 13)}`));
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
      ["--to", "postgres", "--url", server.url.href, "--product", product.url.origin],
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
      [...ledger.values()].reduce((total, used) => total + of(used), 0);
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
      const ran = await runExport([...args, "--product", product.url.origin], given);
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
    const args = ["--to", "influx", "--url", url, "--state", join(directory, "influx.json")];
    await proveExact({ args, rows, isHalfWay: async () => (await rows()).length > 10 });
  });

  it("says what is wrong and what to do", async () => {
    const args = ["--to", "influx", "--url", server.url.href, "--product", product.url.origin];
    const nameless = await runExport(args);
    expect(nameless).toMatchObject({
      code: 2,
      notes: expect.stringContaining("must name a database (?db=usage)"),
    });
    const other = new URL("/?db=other", server.url).href;
    const state = ["--state", join(directory, "influx.json")];
    expect(
      await runExport(["--to", "influx", "--url", other, ...state, "--product", product.url.origin]),
    ).toMatchObject({
      code: 1,
      notes: expect.stringContaining("name another file by --state"),
    });
  });
});

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
        join(directory, "events.json"),
      ];
      const environment = { OPENMETER_TOKEN: token };
      await proveExact({ args, environment, rows, isHalfWay: async () => receiver.events.size > 10 });
      expect(receiver.faults).toEqual([]);
      // The second pass sent all again, with the same ids.
      expect(receiver.counts.events).toBeGreaterThanOrEqual(2 * receiver.events.size);
      const wrong = await runExport([...args, "--restart", "--product", product.url.origin], {
        OPENMETER_TOKEN: "wrong",
      });
      expect(wrong).toMatchObject({ code: 1, notes: expect.stringContaining("set OPENMETER_TOKEN") });
    } finally {
      receiver.close();
    }
  });
});

describe("to files", () => {
  it.each([
    ["plain", []],
    ["compressed", ["--gzip"]],
  ] as const)(
    "%s: whole files alone have a final name, and all together have each cell once",
    async (name, options) => {
      const target = join(directory, name);
      const whole = async (suffix: RegExp): Promise<Row[]> => {
        const names = (await readdir(target).catch(() => [])).filter((file) => suffix.test(file));
        const texts = await Promise.all(names.map((file) => readFile(join(target, file))));
        const lines = texts
          .map((bytes) => (options.length > 0 ? gunzipSync(bytes) : bytes).toString())
          .flatMap((text) => text.split("\n").filter((line) => line !== ""));
        return lines.flatMap((line) => rowsOfLine(line));
      };
      const args = [
        "--to",
        "file",
        "--url",
        target,
        ...options,
        "--product",
        product.url.origin,
        "--page",
        "2",
      ];
      const [one, other] = [startExport(args), startExport(args)];
      // Whoever has the lock goes on; the other one says so.
      const codes = (await Promise.all([one.ended, other.ended])).map(({ code, notes }) => [
        code,
        notes.includes("another export uses"),
      ]);
      expect(codes).toContainEqual([0, false]);
      expect(codes.every(([code, isLocked]) => code === 0 || isLocked)).toBe(true);
      await rm(target, { recursive: true });
      const progress = async () =>
        (await readFile(join(target, "progress.json"), "utf8").catch(() => "")).includes("cursor");
      const killed = await cutShort(startExport(args), "SIGKILL", progress);
      expect(killed.code).toBe("SIGKILL");
      expect(await whole(/ndjson(\.gz)?$/)).toEqual([]);
      const finished = await runExport(args);
      expect(finished, finished.notes).toMatchObject({ code: 0 });
      expect(sorted(ledgerOf(await whole(/ndjson(\.gz)?$/)))).toEqual(sorted(ledger));
      expect((await readdir(target)).filter((file) => file.endsWith(".part"))).toEqual([]);
      expect(await runExport(args)).toMatchObject({ code: 0, out: expect.stringMatching(/^0 cells/) });
      expect(sorted(ledgerOf(await whole(/ndjson(\.gz)?$/)))).toEqual(sorted(ledger));
    },
  );
});

const lineSchema = z.object({
  account: z.string(),
  hour: z.string(),
  route: z.string(),
  key: z.string(),
  requests: z.int(),
  cost: z.number(),
  denied: z.int(),
  units: z.optional(z.record(z.string(), z.number())),
});

function rowsOfLine(line: string): Row[] {
  const { cost, units = {}, requests, denied, ...cell } = lineSchema.parse(JSON.parse(line));
  const milli = (amount: number): number => Math.round(amount * 1_000);
  const own = { ...cell, unit: "requests", requests, denied, costMilli: milli(cost) };
  const others = Object.entries(units).map(([unit, amount]) =>
    Object.assign({}, cell, { unit, requests: 0, denied: 0, costMilli: milli(amount) }),
  );
  return [own, ...others];
}

describe("the command line", () => {
  it("explains itself, and rejects what it cannot do with code 2", async () => {
    expect(await runExport(["--help"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("Exit codes"),
    });
    const wrong: [string[], string][] = [
      [[], "--to must be one of"],
      [["--to", "postgres"], "--url is missing"],
      [["--to", "postgres", "--url", "http://a-secret@host/"], "--url must be postgres://"],
      [["--to", "postgres", "--url", "postgres://host/db", "--schema", "x; DROP"], "--schema must be"],
      [
        ["--to", "file", "--url", "x", "--from", "2026-11-01T09:30:00Z"],
        "--from must be a date or a full hour",
      ],
      [
        ["--to", "file", "--url", "x", "--from", "2026-11-02", "--to-hour", "2026-11-01"],
        "--from must be before",
      ],
      [["--to", "file", "--url", "x", "--product", "http://limiter.example"], "--product must be https"],
      [["--to", "file", "--url", "x", "--page", "0"], "--page must be 1 to 10000"],
      [["--to", "file", "--url", "x", "--until", "now"], "Unknown option '--until'"],
    ];
    for (const [args, message] of wrong) {
      const { code, notes } = await runExport(args);
      expect([args, code, notes.split("\n")[0]]).toEqual([args, 2, expect.stringContaining(message)]);
      expect(notes.split("npm run")[0]).not.toContain("a-secret");
    }
    const tokenless = await runExport(
      ["--to", "file", "--url", join(directory, "x"), "--product", "https://limiter.invalid"],
      {
        ADMIN_TOKEN: "",
      },
    );
    expect(tokenless).toMatchObject({
      code: 1,
      notes: expect.stringContaining("set ADMIN_TOKEN to the token of"),
    });
  });
});
