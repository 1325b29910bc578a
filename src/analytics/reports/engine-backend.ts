/**
 * Runs reports on Analytics Engine's SQL API. Its answers are parsed like any other input. Every call has a deadline, every answer a
 * maximum size. The token goes into one header, never into a log or an error.
 */
import { withDeadline } from "../../deadline.ts";
import { parseJson } from "../../json.ts";
import { parseGroups, parseRows, type SqlAnswer, sqlAnswerSchema } from "./engine-answer.ts";
import { groupsSql, scanSql } from "./engine-sql.ts";
import type { Group } from "./facts.ts";
import type { ReportAnswer, ReportBackend } from "./report-answer.ts";
import { MAX_RANGE_MS, type ReportQuery } from "./report-query.ts";
import type { EngineSettings } from "./report-settings.ts";
import { answerOf, planOf } from "./reports.ts";

/** A query of a large dataset takes some seconds; an operator does not wait longer. */
const DEADLINE_MS = 8_000;
/** 20,000 groups of some hundred bytes. */
const MAX_ANSWER_BYTES = 16 * 1_048_576;

/** Runs one query and parses its rows. Rejects if that fails. */
export type RunSql = (sql: string) => Promise<SqlAnswer>;

export class EngineBackend implements ReportBackend {
  readonly #dataset: string;
  readonly #run: RunSql;
  readonly #now: () => number;

  constructor(dataset: string, run: RunSql, now: () => number = Date.now) {
    this.#dataset = dataset;
    this.#run = run;
    this.#now = now;
  }

  /** @throws EngineFailure, DeadlineExceeded */
  async run(query: ReportQuery): Promise<ReportAnswer> {
    const { groups, scan } = planOf(query);
    const [found, rows] = await Promise.all([
      Promise.all(
        Object.entries(groups).map(async ([name, aggregation]): Promise<[string, Group[]]> => {
          const answer = await this.#run(groupsSql(this.#dataset, aggregation));
          return [name, parseGroups(answer, aggregation)];
        }),
      ),
      scan ? this.#run(scanSql(this.#dataset, scan)).then(parseRows) : [],
    ]);
    const nowMs = this.#now();
    const keeps = { fromMs: nowMs - MAX_RANGE_MS, toMs: nowMs };
    return answerOf(query, "engine", { groups: Object.fromEntries(found), rows, keeps });
  }
}

/** Analytics Engine rejected a query, or its answer was not a table. */
export class EngineFailure extends Error {
  override readonly name = "EngineFailure";
}

/** Runs queries on the real SQL API. */
export function sqlApi({ url, token }: EngineSettings, fetcher: typeof fetch = fetch): RunSql {
  return async (sql) => {
    const controller = new AbortController();
    const call = async (): Promise<SqlAnswer> => {
      const response = await fetcher(url, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "text/plain" },
        body: sql,
        redirect: "manual",
        signal: controller.signal,
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new EngineFailure(`Analytics Engine answered ${response.status}`);
      }
      const parsed = sqlAnswerSchema.safeParse(parseJson(await readText(response)));
      if (!parsed.success) throw new EngineFailure("Analytics Engine did not answer with a table");
      return parsed.data;
    };
    try {
      return await withDeadline(call(), DEADLINE_MS, "Analytics Engine");
    } finally {
      controller.abort();
    }
  };
}

/** @throws EngineFailure if the body is too large. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new EngineFailure("Analytics Engine's answer is too large");
    chunks.push(chunk);
  }
  return new Blob(chunks).text();
}
