/**
 * ClickHouse by its HTTP interface: a ReplacingMergeTree of usage, and one of the progress.
 *
 * It has no transactions: the cursor is written after the page. A crash in between repeats the page, whose rows then replace themselves.
 * Until ClickHouse has merged them, both are there: read the view, or with FINAL.
 */
import type { Destination, Job } from "./destination.ts";
import { type Answer, call, rejection } from "./call.ts";
import { Failure, shownUrl, UsageFault } from "./failure.ts";
import type { Environment } from "./influx.ts";
import { decimalOf, rowsOf, secondsOf } from "./rows.ts";
import type { Page } from "./source.ts";

const SCHEMA_VERSION = "1";
const USAGE = "edge_limiter_usage";
const ROWS = "edge_limiter_usage_rows";
const PROGRESS = "edge_limiter_progress";
/** Codes of X-ClickHouse-Exception-Code. */
const UNKNOWN_DATABASE = "81";
const AUTHENTICATION = new Set(["192", "193", "194", "516"]);
const ACCESS_DENIED = "497";

export class ClickHouseDestination implements Destination {
  readonly name: string;
  readonly progressAt = `the table ${PROGRESS}`;
  readonly #server: URL;
  readonly #database: string;
  readonly #headers: Readonly<Record<string, string>>;
  #job: Job | null = null;

  /** @throws UsageFault if the database's name cannot be one. */
  constructor(url: URL, environment: Environment) {
    this.name = shownUrl(url);
    this.#server = new URL(url.pathname, url.origin);
    this.#database = url.searchParams.get("database") || "default";
    if (!/^[A-Za-z_]\w*$/.test(this.#database)) {
      throw new UsageFault("the database in --url (?database=usage) must be a name of letters, digits and _");
    }
    const user = environment["CLICKHOUSE_USER"] || decodeURIComponent(url.username);
    const password = environment["CLICKHOUSE_PASSWORD"] || decodeURIComponent(url.password);
    this.#headers = user ? { "X-ClickHouse-User": user, "X-ClickHouse-Key": password } : {};
  }

  async open(job: Job, isDryRun: boolean): Promise<string | null> {
    this.#job = job;
    const { name, product, isRestart } = job;
    if (!isDryRun) {
      if (this.#database !== "default")
        await this.#query(`CREATE DATABASE IF NOT EXISTS ${this.#database}`, null);
      for (const sql of TABLES) await this.#query(sql);
    } else if ((await this.#query(`EXISTS TABLE ${PROGRESS} FORMAT TabSeparated`)).trim() !== "1")
      return null;
    const version = await this.#progress("schema");
    if (version !== null && version.cursor !== SCHEMA_VERSION) {
      throw new Failure(
        `the tables in ${this.name} are of version ${version.cursor}: run the latest version`,
      );
    }
    if (version === null && !isDryRun) await this.#put("schema", "", SCHEMA_VERSION);
    const found = await this.#progress(name);
    if (found !== null && found.product !== product) {
      throw new Failure(
        `${this.progressAt} is that of ${found.product}, not of ${product}: name another database`,
      );
    }
    return isRestart || !found?.cursor ? null : found.cursor;
  }

  async write({ cells, end }: Page): Promise<void> {
    const job = this.#job;
    if (job === null) throw new Error("open the destination first");
    const rows = rowsOf(cells).map((row) => {
      const { account, route, key, unit, mode, requests, denied } = row;
      // A decimal as text: a JSON number is read as a double.
      const cost = decimalOf(row.costMilli);
      return JSON.stringify({
        account,
        hour: secondsOf(row),
        route,
        key,
        unit,
        mode,
        requests,
        cost,
        denied,
      });
    });
    if (rows.length > 0) await this.#insert(ROWS, rows);
    await this.#put(job.name, job.product, end.done && job.name !== "all" ? "" : end.cursor);
  }

  async close(): Promise<void> {}

  async #progress(job: string): Promise<{ product: string; cursor: string } | null> {
    const text = await this.#query(
      `SELECT product, cursor FROM ${PROGRESS} FINAL WHERE job = ${literal(job)} FORMAT JSONCompactEachRow`,
    );
    const row: unknown = text.trim() === "" ? null : JSON.parse(text);
    if (!Array.isArray(row)) return null;
    const [product, cursor]: unknown[] = row;
    return { product: String(product), cursor: String(cursor) };
  }

  async #put(job: string, product: string, cursor: string): Promise<void> {
    await this.#insert(PROGRESS, [
      JSON.stringify({ job, product, cursor, updated_at: String(Date.now() / 1_000) }),
    ]);
  }

  async #insert(table: string, rows: readonly string[]): Promise<void> {
    await this.#query(
      `INSERT INTO ${table} FORMAT JSONEachRow`,
      this.#database,
      rows.map((row) => `${row}\n`).join(""),
    );
  }

  async #query(sql: string, database: string | null = this.#database, data?: string): Promise<string> {
    const url = new URL(this.#server);
    if (database !== null) url.searchParams.set("database", database);
    if (data !== undefined) url.searchParams.set("query", sql);
    // An error after the first bytes of an answer would come with status 200.
    url.searchParams.set("wait_end_of_query", "1");
    const answer = await call(url, {
      method: "POST",
      headers: this.#headers,
      body: data ?? sql,
      who: this.name,
      advice: "check that it runs, and --url (the HTTP port, usually 8123, or 8443 with TLS)",
    });
    if (answer.status !== 200) throw this.#failure(answer);
    return answer.text;
  }

  #failure(answer: Answer): Failure {
    const code = answer.headers.get("X-ClickHouse-Exception-Code") ?? "";
    if (AUTHENTICATION.has(code) || answer.status === 401) {
      return new Failure(
        `${this.name} rejects the user or the password: set CLICKHOUSE_USER and CLICKHOUSE_PASSWORD`,
      );
    }
    if (code === UNKNOWN_DATABASE) {
      return new Failure(
        `${this.name} has no database "${this.#database}": the user may not create it; create it`,
      );
    }
    if (code === ACCESS_DENIED) {
      return new Failure(
        `${this.name}: the user needs CREATE TABLE, CREATE VIEW, INSERT and SELECT on ${this.#database}.*`,
      );
    }
    return rejection(this.name, answer);
  }
}

const TABLES = [
  `CREATE TABLE IF NOT EXISTS ${ROWS} (account String, hour DateTime('UTC'), route String, key String,
     unit LowCardinality(String), mode LowCardinality(String), requests UInt64, cost Decimal(24, 3), denied UInt64,
     exported_at DateTime64(3, 'UTC') DEFAULT now64(3))
   ENGINE = ReplacingMergeTree(exported_at) PARTITION BY toYYYYMM(hour) ORDER BY (account, hour, route, key, unit)`,
  `CREATE TABLE IF NOT EXISTS ${PROGRESS} (job String, product String, cursor String, updated_at DateTime64(3, 'UTC'))
   ENGINE = ReplacingMergeTree(updated_at) ORDER BY job`,
  `CREATE VIEW IF NOT EXISTS ${USAGE} AS
   SELECT account, hour, route, key, unit, mode, requests, cost, denied FROM ${ROWS} FINAL`,
];

function literal(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
