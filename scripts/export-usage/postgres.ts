/**
 * PostgreSQL 12 and later: a table of usage and one of the export's progress, in a schema of their own.
 *
 * A page and the cursor of its end are one transaction, which first compares the stored cursor with the one that the page began at. So
 * a crash loses and repeats nothing, and a second export at the same time stops instead of moving the cursor back.
 */
import postgres from "postgres";
import type { Destination, Job } from "./destination.ts";
import { Failure, shownUrl, UsageFault } from "./failure.ts";
import { decimalOf, rowsOf, type UsageRow } from "./rows.ts";
import type { Page } from "./source.ts";

/** Of the tables. Rises when they change; an export migrates older ones, and leaves newer ones alone. */
const SCHEMA_VERSION = 1;
const CONNECT_SECONDS = 10;
/** One page takes some 50 ms. */
const STATEMENT_MS = 30_000;
/** A connection that died without a word must not hold the export up for ever. */
const PAGE_MS = 90_000;

/** Codes of faults that pass: connections lost or refused for a moment, shutdown, deadlock, serialization, time-outs of locks. */
const PASSING =
  /^(08...|40001|40P01|53300|55P03|57014|57P0[123]|CONNECTION_(CLOSED|DESTROYED|ENDED)|CONNECT_TIMEOUT|E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|AI_AGAIN|HOSTUNREACH))$/;

export class PostgresDestination implements Destination {
  readonly name: string;
  readonly progressAt: string;
  readonly #url: string;
  readonly #database: string;
  readonly #schema: string;
  #sql: postgres.Sql | null = null;
  #job: Job | null = null;
  /** As the database has it. */
  #cursor: string | null = null;

  /** @throws UsageFault if the URL or the schema cannot be one. */
  constructor(url: URL, schema: string) {
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
      throw new UsageFault(`--schema must be a name of lower-case letters, digits and _, not "${schema}"`);
    }
    this.name = shownUrl(url);
    this.#url = url.href;
    this.#database = decodeURIComponent(url.pathname.slice(1));
    this.#schema = schema;
    this.progressAt = `the table ${schema}.progress`;
    if (this.#database === "")
      throw new UsageFault("--url must name a database: postgres://user@host:5432/database");
  }

  async open(job: Job, isDryRun: boolean): Promise<string | null> {
    this.#job = job;
    return this.#run(async (sql) => {
      const version = await this.#version(sql);
      if (version > SCHEMA_VERSION) {
        throw new Failure(
          `the tables of schema ${this.#schema} are of version ${version}, and this export knows ${SCHEMA_VERSION}: run the latest version`,
        );
      }
      if (version === 0) {
        if (isDryRun) return null;
        await this.#create(sql);
      }
      const [progress, { name, product, isRestart }] = [sql(`${this.#schema}.progress`), job];
      if (!isDryRun)
        await sql`INSERT INTO ${progress} (job, product) VALUES (${name}, ${product}) ON CONFLICT DO NOTHING`;
      const [found] = await sql<{ product: string; cursor: string | null }[]>`
        SELECT product, cursor FROM ${progress} WHERE job = ${name}`;
      if (found !== undefined && found.product !== product) {
        throw new Failure(
          `${this.progressAt} is that of ${found.product}, not of ${product}: name another schema by --schema`,
        );
      }
      if (isRestart && !isDryRun) await sql`UPDATE ${progress} SET cursor = NULL WHERE job = ${name}`;
      return (this.#cursor = isRestart ? null : (found?.cursor ?? null));
    });
  }

  async write({ cells, end }: Page): Promise<void> {
    const { name } = this.#jobOrThrow();
    const next = end.done && name !== "all" ? null : end.cursor;
    const [usage, progress] = [`${this.#schema}.usage`, `${this.#schema}.progress`];
    await this.#run((client) =>
      client.begin(async (sql) => {
        const [stored] = await sql<{ cursor: string | null }[]>`
          SELECT cursor FROM ${sql(progress)} WHERE job = ${name} FOR UPDATE`;
        // The answer to the commit was lost.
        if (stored?.cursor === next && next !== this.#cursor) return;
        if (stored === undefined || stored.cursor !== this.#cursor) {
          throw new Failure(
            `another export has written to ${this.progressAt}: run one at a time, then run this again`,
          );
        }
        const rows = rowsOf(cells).map(storedRow);
        await sql`
          INSERT INTO ${sql(usage)} AS known (account, hour, route, key, unit, mode, requests, cost, denied)
          SELECT account, hour, route, key, unit, mode, requests, cost, denied
          FROM jsonb_to_recordset(${sql.json(rows)}) AS page (account text, hour timestamptz, route text, key text,
            unit text, mode text, requests bigint, cost numeric, denied bigint)
          ON CONFLICT (account, hour, route, key, unit) DO UPDATE
            SET mode = excluded.mode, requests = excluded.requests, cost = excluded.cost, denied = excluded.denied
          WHERE (known.mode, known.requests, known.cost, known.denied)
            IS DISTINCT FROM (excluded.mode, excluded.requests, excluded.cost, excluded.denied)`;
        await sql`
          UPDATE ${sql(progress)} SET cursor = ${next}, updated_at = now(),
            exported_until = CASE WHEN ${end.done} THEN ${end.to}::timestamptz ELSE exported_until END
          WHERE job = ${name}`;
      }),
    );
    this.#cursor = next;
  }

  async close(): Promise<void> {
    await this.#disconnect(5);
  }

  /** 0: there are no tables. Not by to_regclass, which may answer from a cache of before another export made them. */
  async #version(sql: postgres.ISql): Promise<number> {
    const found = await sql`
      SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = ${this.#schema} AND c.relname = 'schema_version'`;
    if (found.length === 0) return 0;
    const [row] = await sql<
      { version: number }[]
    >`SELECT version FROM ${sql(`${this.#schema}.schema_version`)}`;
    return row?.version ?? 0;
  }

  /** Two exports that start together create it once. */
  async #create(client: postgres.Sql): Promise<void> {
    await client.begin(async (sql) => {
      await sql`SELECT pg_advisory_xact_lock(hashtext('edge-limiter-export'))`;
      if ((await this.#version(sql)) === 0) await sql.unsafe(tablesSql(this.#schema));
    });
  }

  #jobOrThrow(): Job {
    if (this.#job === null) throw new Error("open the destination first");
    return this.#job;
  }

  /** Work on the one connection, within its deadline. After a fault the next work has a new connection. */
  async #run<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const sql = (this.#sql ??= this.#connect());
    const deadline = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        deadline.reject(
          new Failure(`${this.name} does not answer within ${PAGE_MS / 1_000} s`, { isPassing: true }),
        ),
      PAGE_MS,
    );
    try {
      return await Promise.race([work(sql), deadline.promise]);
    } catch (thrown) {
      await this.#disconnect(0);
      throw thrown instanceof Failure ? thrown : this.#failure(thrown);
    } finally {
      clearTimeout(timer);
    }
  }

  #connect(): postgres.Sql {
    return postgres(this.#url, {
      max: 1,
      connect_timeout: CONNECT_SECONDS,
      // So that it also works through a pooler of transactions.
      prepare: false,
      onnotice: () => undefined,
      connection: {
        application_name: "edge-limiter-export",
        statement_timeout: STATEMENT_MS,
        lock_timeout: STATEMENT_MS,
        idle_in_transaction_session_timeout: PAGE_MS,
      },
    });
  }

  async #disconnect(seconds: number): Promise<void> {
    const sql = this.#sql;
    this.#sql = null;
    await sql?.end({ timeout: seconds }).catch(() => undefined);
  }

  #failure(thrown: unknown): Failure {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const isPassing = PASSING.test(code);
    switch (code) {
      case "28P01":
      case "28000":
        return new Failure(
          `${this.name} rejects the user or the password: set PGPASSWORD, and the user in --url`,
        );
      case "3D000":
        return new Failure(
          `${this.name}: there is no database "${this.#database}": createdb ${this.#database}`,
        );
      case "42501":
        return new Failure(
          `${this.name}: ${message}: the user must own the schema ${this.#schema}, or be able to create it (GRANT CREATE ON DATABASE)`,
        );
      case "53100":
        return new Failure(`${this.name}: its disk is full: make room, then run this again`);
      case "ENOTFOUND":
        return new Failure(`${this.name}: the host's name does not resolve: check --url`);
    }
    if (isPassing)
      return new Failure(`${this.name} does not answer (${message}): check that it runs, and --url`, {
        isPassing,
      });
    return new Failure(`${this.name}: ${message}${code && ` (${code})`}`);
  }
}

function storedRow({ account, hour, route, key, unit, mode, requests, denied, costMilli }: UsageRow) {
  // The only character that PostgreSQL cannot store.
  const storable = route.replaceAll("\0", "\u{fffd}");
  return { account, hour, route: storable, key, unit, mode, requests, denied, cost: decimalOf(costMilli) };
}

function tablesSql(schema: string): string {
  return `
    CREATE SCHEMA IF NOT EXISTS ${schema};
    CREATE TABLE ${schema}.schema_version (version integer NOT NULL);
    INSERT INTO ${schema}.schema_version VALUES (${SCHEMA_VERSION});
    CREATE TABLE ${schema}.usage (
      account text NOT NULL,
      hour timestamptz NOT NULL,
      route text NOT NULL,
      key text NOT NULL,
      unit text NOT NULL,
      mode text NOT NULL,
      requests bigint NOT NULL,
      cost numeric(24, 3) NOT NULL,
      denied bigint NOT NULL,
      PRIMARY KEY (account, hour, route, key, unit)
    );
    CREATE INDEX usage_by_hour ON ${schema}.usage (hour);
    COMMENT ON TABLE ${schema}.usage IS 'Usage in frozen hours, from the ledgers of Edge Limiter. Rows never change.';
    COMMENT ON COLUMN ${schema}.usage.unit IS 'requests for every cell; further units if it has a cost in them';
    COMMENT ON COLUMN ${schema}.usage.requests IS 'Admitted requests: 0 in rows of other units than requests, as denied';
    COMMENT ON COLUMN ${schema}.usage.cost IS 'In the unit of the row';
    CREATE TABLE ${schema}.progress (
      job text PRIMARY KEY,
      product text NOT NULL,
      cursor text,
      exported_until timestamptz,
      updated_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON COLUMN ${schema}.progress.exported_until IS 'All usage of accounts before this moment is there';`;
}
