/**
 * InfluxDB by its line protocol: 1.x if the URL names a database (`?db=usage`), 2.x and later if it names an organization and a bucket
 * (`?org=acme&bucket=usage`). A point's tags and time are its key, so the same point again changes nothing.
 */
import type { Destination, Job } from "./destination.ts";
import { type Answer, call, rejection } from "./call.ts";
import { Failure, shownUrl, UsageFault } from "./failure.ts";
import { rowsOf, secondsOf, type UsageRow } from "./rows.ts";
import type { Page } from "./source.ts";
import type { StateFile } from "./state-file.ts";

export const MEASUREMENT = "edge_limiter_usage";
/** Lines of one request: InfluxDB's documentation recommends 5,000 to 10,000. */
const BATCH = 5_000;

export type Environment = Readonly<Record<string, string | undefined>>;

export class InfluxDestination implements Destination {
  readonly name: string;
  readonly progressAt: string;
  readonly #write: URL;
  /** Of version 1: to create it. */
  readonly #database: string | null;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #state: StateFile;

  /** @throws UsageFault if the URL names neither a database nor a bucket. */
  constructor(url: URL, environment: Environment, state: StateFile) {
    const [db, org, bucket] = ["db", "org", "bucket"].map((name) => url.searchParams.get(name));
    if (!db && !(org && bucket)) {
      throw new UsageFault(
        "--url must name a database (?db=usage), or an organization and a bucket (?org=acme&bucket=usage)",
      );
    }
    this.name = shownUrl(url);
    this.#state = state;
    this.progressAt = state.path;
    this.#database = db || null;
    this.#write = new URL(`${url.pathname.replace(/\/$/, "")}${db ? "/write" : "/api/v2/write"}`, url.origin);
    const target = db ? { db } : { org: org ?? "", bucket: bucket ?? "" };
    this.#write.search = new URLSearchParams({ ...target, precision: "s" }).toString();
    this.#headers = credentials(url, environment);
  }

  async open(job: Job, isDryRun: boolean): Promise<string | null> {
    const at = await this.#state.open(job, isDryRun);
    if (this.#database !== null) await this.#createDatabase(this.#database, isDryRun);
    return at?.cursor ?? null;
  }

  async write({ cells, end }: Page): Promise<void> {
    const rows = rowsOf(cells);
    for (let from = 0; from < rows.length; from += BATCH) {
      const lines = rows.slice(from, from + BATCH).map((row) => `${lineOf(row)}\n`);
      const answer = await this.#post(this.#write, lines.join(""), "text/plain; charset=utf-8");
      if (answer.status !== 204 && answer.status !== 200) throw this.#failure(answer);
    }
    await this.#state.put(end);
  }

  async close(): Promise<void> {
    this.#state.close();
  }

  /** A user who may only write cannot see databases: then it must be there. */
  async #createDatabase(database: string, isDryRun: boolean): Promise<void> {
    const query = async (text: string): Promise<Answer> => {
      const url = new URL(this.#write.pathname.replace(/\/write$/, "/query"), this.#write.origin);
      return this.#post(
        url,
        new URLSearchParams({ q: text }).toString(),
        "application/x-www-form-urlencoded",
      );
    };
    if (isDryRun) {
      const answer = await query("SHOW DATABASES");
      if (answer.status !== 200 && answer.status !== 403) throw this.#failure(answer);
      return;
    }
    const answer = await query(`CREATE DATABASE "${database.replaceAll(/["\\]/g, String.raw`\$&`)}"`);
    if (answer.status !== 200 && answer.status !== 403) throw this.#failure(answer);
  }

  #post(url: URL, body: string, type: string): Promise<Answer> {
    return call(url, {
      method: "POST",
      headers: { ...this.#headers, "Content-Type": type },
      body,
      who: this.name,
      advice: "check that it runs, and --url",
    });
  }

  #failure(answer: Answer): Failure {
    if (answer.status === 401) {
      return new Failure(
        `${this.name} rejects the credential: set INFLUX_TOKEN, or INFLUX_USER and INFLUX_PASSWORD`,
      );
    }
    if (answer.status === 404) {
      return new Failure(`${this.name} has no such database or bucket: create it, or correct --url`);
    }
    return rejection(this.name, answer);
  }
}

function credentials(url: URL, environment: Environment): Record<string, string> {
  const { INFLUX_TOKEN: token, INFLUX_USER, INFLUX_PASSWORD } = environment;
  if (token) return { Authorization: `Token ${token}` };
  const user = INFLUX_USER || decodeURIComponent(url.username);
  const password = INFLUX_PASSWORD || decodeURIComponent(url.password);
  if (!user) return {};
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

/** Counts are integers; costs are in thousandths, so that they are, too. An empty tag cannot be written: it is left out. */
export function lineOf(row: UsageRow): string {
  const { account, key, mode, route, unit } = row;
  const tags = Object.entries({ account, key, mode, route, unit })
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `,${name}=${tagValue(value)}`);
  const fields = `cost_milli=${row.costMilli}i,denied=${row.denied}i,requests=${row.requests}i`;
  return `${MEASUREMENT}${tags.join("")} ${fields} ${secondsOf(row)}`;
}

/**
 * The protocol has no way to write a backslash before a delimiter, nor a line break. So these and % are percent-encoded, and no two values
 * become the same.
 */
function tagValue(value: string): string {
  return value
    .replaceAll(
      /[%\\\p{Control}]/gu,
      (one) => `%${one.codePointAt(0)?.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .replaceAll(/[,= ]/g, String.raw`\$&`);
}
