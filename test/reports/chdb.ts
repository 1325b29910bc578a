/** A ClickHouse within a Python process, standing in for Analytics Engine: the same SQL, over a table of the same columns. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import {
  COLUMNS_VERSION,
  POINT_FIELDS,
  SAMPLE_INTERVAL,
  UNIT_COLUMNS,
  VERSION_COLUMN,
} from "../../src/analytics/point-fields.ts";
import { placedUnits } from "../../src/analytics/unit-text.ts";
import type { RunSql } from "../../src/analytics/reports/engine-backend.ts";
import { sqlAnswerSchema } from "../../src/analytics/reports/engine-answer.ts";
import type { Row } from "../../src/analytics/reports/facts.ts";

const SCRIPT = `
import json, sys
from chdb.session import Session
session = Session()
for line in sys.stdin:
    try:
        answer = {"text": str(session.query(json.loads(line)))}
    except Exception as thrown:
        answer = {"error": str(thrown)}
    print(json.dumps(answer), flush=True)
`;

export const DATASET = "edge_limiter";

/** Whether Python has chdb. */
export function hasChdb(): boolean {
  return spawnSync("python3", ["-c", "import chdb"]).status === 0;
}

export class Chdb {
  readonly #python: ChildProcess = spawn("python3", ["-c", SCRIPT], { stdio: ["pipe", "pipe", "inherit"] });
  readonly #waiting: ((line: string) => void)[] = [];

  constructor() {
    const { stdout } = this.#python;
    if (!stdout) throw new Error("no pipe");
    createInterface({ input: stdout }).on("line", (line) => this.#waiting.shift()?.(line));
  }

  /** Asks as the SQL API would be asked. */
  readonly run: RunSql = async (sql) => sqlAnswerSchema.parse(JSON.parse(await this.#query(sql)));

  /** A table of Analytics Engine's shape, with these rows. */
  async fill(rows: readonly Row[]): Promise<void> {
    const names = [...Object.values(POINT_FIELDS).map(({ column }) => column), ...UNIT_COLUMNS];
    const columns = names.map((column) => `${column} ${typeOf(column)}`);
    const all = [...columns, `${VERSION_COLUMN} String`, `${SAMPLE_INTERVAL} UInt32`];
    await this.#query(`CREATE TABLE ${DATASET} (${all.join(", ")}) ENGINE = Memory`);
    const lines = rows.map((row) => JSON.stringify(engineRow(row)));
    await this.#query(`INSERT INTO ${DATASET} FORMAT JSONEachRow ${lines.join("\n")}`);
  }

  stop(): void {
    this.#python.stdin?.end();
  }

  async #query(sql: string): Promise<string> {
    const line = await new Promise<string>((answered) => {
      this.#waiting.push(answered);
      this.#python.stdin?.write(`${JSON.stringify(sql)}\n`);
    });
    const answer: unknown = JSON.parse(line);
    if (typeof answer === "object" && answer !== null && "text" in answer) return String(answer.text);
    throw new Error(`${sql.slice(0, 2_000)}\n${line.slice(0, 2_000)}`);
  }
}

/** Analytics Engine's types. */
function typeOf(name: string): string {
  if (name === "timestamp") return "DateTime('UTC')";
  return name.startsWith("double") ? "Float64" : "String";
}

function engineRow({ weight, ...point }: Row): Record<string, unknown> {
  const fields = Object.entries(point).map(([field, value]) => [
    Object.entries(POINT_FIELDS).find(([name]) => name === field)?.[1].column,
    field === "atMs" ? Math.floor(Number(value) / 1_000) : field === "revision" ? String(value) : value,
  ]);
  const { names, amounts } = placedUnits(point.units);
  return {
    ...Object.fromEntries(fields),
    [POINT_FIELDS.units.column]: names,
    ...Object.fromEntries(UNIT_COLUMNS.map((column, i) => [column, amounts[i] ?? 0])),
    [VERSION_COLUMN]: String(COLUMNS_VERSION),
    [SAMPLE_INTERVAL]: weight,
  };
}
