/** Node's SQLite behind the interface of a Durable Object's: the same engine, without a runtime to start. */
import { DatabaseSync } from "node:sqlite";
import type { Sql } from "../../durable-objects/analytics-store/chunk-table.ts";

export class NodeSql implements Sql {
  readonly #database = new DatabaseSync(":memory:");
  /** Rows written or deleted. */
  writes = 0;
  /** Whether writing fails. */
  isFull = false;

  exec(query: string, ...bindings: (number | string | null)[]): Iterable<Record<string, unknown>> {
    const statement = this.#database.prepare(query);
    if (query.startsWith("SELECT")) return statement.iterate(...bindings);
    if (this.isFull) throw new Error("the storage is full");
    this.writes += Number(statement.run(...bindings).changes);
    return [];
  }
}
