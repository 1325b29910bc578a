/**
 * Naive limiters with one object call per request:
 * - /empty: a method that does nothing, the minimum cost of a call;
 * - /write: a counter that writes a row per check;
 * - /billed: the same with a KV lookup of the key and a data point per check (P6).
 *
 * The X-User header is the user. The X-Limit header is the limit; by default it is 1e9, so that no request is denied.
 */
import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";

interface Bindings {
  readonly COUNTER: DurableObjectNamespace<Counter>;
  readonly KEYS: KVNamespace;
  readonly POINTS?: AnalyticsEngineDataset;
}

const NO_LIMIT = 1e9;
const WINDOW_MS = 60_000;

export class Counter extends DurableObject {
  #rowsWritten = 0;
  #hasTable = false;

  empty(): void {}

  /** A fixed window of a minute, written with each allowed check. */
  check(limit: number, nowMs = Date.now()): { allowed: boolean; remaining: number } {
    const { sql } = this.ctx.storage;
    if (!this.#hasTable) {
      sql.exec(
        "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, hits INTEGER, until_ms INTEGER) WITHOUT ROWID",
      );
      this.#hasTable = true;
    }
    const [row] = sql
      .exec<{ hits: number; until_ms: number }>("SELECT hits, until_ms FROM counter")
      .toArray();
    const isCurrent = row !== undefined && row.until_ms > nowMs;
    const hits = (isCurrent ? row.hits : 0) + 1;
    if (hits > limit) return { allowed: false, remaining: 0 };
    const untilMs = isCurrent ? row.until_ms : nowMs + WINDOW_MS;
    this.#rowsWritten += sql.exec(
      "INSERT OR REPLACE INTO counter VALUES (1, ?, ?)",
      hits,
      untilMs,
    ).rowsWritten;
    return { allowed: true, remaining: limit - hits };
  }

  rowsWritten(): number {
    return this.#rowsWritten;
  }
}

const app = new Hono<{ Bindings: Bindings }>();
app.get("/empty", async (c) => {
  await c.env.COUNTER.getByName(c.req.header("X-User") ?? "one").empty();
  return c.text("ok");
});
app.get("/write", async (c) => {
  const { allowed, remaining } = await c.env.COUNTER.getByName(c.req.header("X-User") ?? "one").check(
    Number(c.req.header("X-Limit") ?? NO_LIMIT),
  );
  c.header("RateLimit-Remaining", String(remaining));
  return c.text(allowed ? "ok" : "too many", allowed ? 200 : 429);
});
app.get("/billed", async (c) => {
  const user = (await c.env.KEYS.get(c.req.header("X-API-Key") ?? "none", { cacheTtl: 30 })) ?? "one";
  const { allowed } = await c.env.COUNTER.getByName(user).check(NO_LIMIT);
  c.env.POINTS?.writeDataPoint({ indexes: [user], blobs: [String(allowed)], doubles: [1] });
  return c.text("ok");
});
app.get("/rows", async (c) =>
  c.json({ rows: await c.env.COUNTER.getByName(c.req.header("X-User") ?? "one").rowsWritten() }),
);

export default app;
