/** Node's SQLite behind the interface of a Durable Object's: the same engine, without a runtime to start. */
import { DatabaseSync } from "node:sqlite";
import type { Sql } from "../../durable-objects/metrics-hub/embedded-store.ts";

export class NodeSql implements Sql {
  readonly #database = new DatabaseSync(":memory:");
  /** Statements that wrote. */
  writes = 0;

  exec(query: string, ...bindings: (number | string)[]): Iterable<Record<string, unknown>> {
    if (!query.startsWith("SELECT")) this.writes += 1;
    return this.#database.prepare(query).iterate(...bindings);
  }

  /** Runs a statement to its end. */
  run(query: string, ...bindings: (number | string)[]): void {
    this.#database.prepare(query).run(...bindings);
  }
}
