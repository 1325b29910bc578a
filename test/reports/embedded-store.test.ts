/** The embedded store on SQLite: what it keeps, what it costs, and what it does above its size. */
import { describe, expect, it } from "vitest";
import { EmbeddedStore, type StoreLimits } from "../../durable-objects/metrics-hub/embedded-store.ts";
import { hash } from "../../durable-objects/metrics-hub/embedded-thinning.ts";
import type { Point } from "../../src/analytics/point.ts";
import type { ReportAnswer } from "../../src/analytics/reports/report-answer.ts";
import { readPosition } from "../../src/analytics/reports/decision-log.ts";
import { REPORT_NAMES, type ReportName, type ReportQuery } from "../../src/analytics/reports/report-query.ts";
import { NodeSql } from "./node-sql.ts";
import { HOSTILE, randomRows } from "./random-rows.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;
const LIMITS: StoreLimits = { rows: 500_000, keepMs: DAY_MS };

let points = 0;
function point(given: Partial<Point> = {}): Point {
  points += 1;
  return {
    atMs: NOW_MS,
    account: "user:acme",
    route: "/identify",
    tier: "free",
    outcome: "allowed",
    reason: "ok",
    source: "strict",
    method: "GET",
    colo: "FRA",
    country: "DE",
    revision: 1,
    keyId: "key",
    upstreamStatus: "2xx",
    requestId: `request-${points}`,
    cost: 1,
    limiterMs: 1,
    upstreamMs: 5,
    remainingFraction: 0.5,
    retryAfterMs: 0,
    requests: 1,
    ...given,
  };
}

function query(name: ReportName, given: Partial<ReportQuery> = {}): ReportQuery {
  return {
    name,
    fromMs: NOW_MS - DAY_MS,
    toMs: NOW_MS + DAY_MS,
    intervalMs: 3_600_000,
    filters: name === "user" ? { account: "user:acme" } : {},
    by: "outcome",
    order: "requests",
    limit: 1_000,
    after: null,
    ...given,
  };
}

function ask<Name extends ReportName>(store: EmbeddedStore, name: Name, given: Partial<ReportQuery> = {}) {
  const answer = store.report(query(name, given), NOW_MS);
  const isAsked = (found: ReportAnswer): found is Extract<ReportAnswer, { report: Name }> =>
    found.report === name;
  if (!isAsked(answer)) throw new Error(`asked for ${name}, got ${answer.report}`);
  return answer;
}

describe("rows written", () => {
  it("are one for a batch, whatever its size, and one to forget some hundred points", () => {
    const sql = new NodeSql();
    const store = new EmbeddedStore(sql);
    for (let i = 0; i < 100; i++)
      store.insert(
        Array.from({ length: 100 }, () => point()),
        NOW_MS,
      );
    expect(sql.writes).toBe(100);
    store.insert([point()], NOW_MS);
    expect(sql.writes).toBe(101);
    store.sweep(NOW_MS + 2 * DAY_MS);
    expect(store.rows).toBe(0);
    expect(sql.writes).toBeLessThanOrEqual(152);
  });

  it("are none where nothing was stored: neither a start nor a report writes", () => {
    const sql = new NodeSql();
    const store = new EmbeddedStore(sql);
    for (const name of REPORT_NAMES) store.report(query(name), NOW_MS);
    store.insert([], NOW_MS);
    store.sweep(NOW_MS);
    expect(sql.writes).toBe(0);
  });
});

describe("what is stored", () => {
  it("answers the same after a restart", () => {
    const sql = new NodeSql();
    const store = new EmbeddedStore(sql);
    for (const rows of batches(randomRows(1, 3_000), 70)) store.insert(rows, NOW_MS);
    const span = { fromMs: NOW_MS - 3 * DAY_MS, toMs: NOW_MS };
    for (const name of REPORT_NAMES) {
      const again = new EmbeddedStore(sql);
      expect(again.report(query(name, span), NOW_MS)).toEqual(store.report(query(name, span), NOW_MS));
    }
    expect(ask(store, "overview", span).current.requests).toBeGreaterThan(3_000);
  });

  it("is read beside later batches, and none of it twice", () => {
    const sql = new NodeSql();
    const before = new EmbeddedStore(sql);
    for (let i = 0; i < 80; i++)
      before.insert(
        Array.from({ length: 200 }, () => point()),
        NOW_MS,
      );
    const store = new EmbeddedStore(sql);
    for (let i = 0; i < 5; i++) store.insert([point()], NOW_MS);
    expect(ask(store, "overview").current.requests).toBe(16_005);
    store.insert([point()], NOW_MS);
    expect(ask(store, "overview").current.requests).toBe(16_006);
    expect(store.rows).toBe(16_006);
  });

  it("is forgotten after its time, by runs", () => {
    const sql = new NodeSql();
    const store = new EmbeddedStore(sql, { rows: 1_000, keepMs: 60_000 });
    store.insert(
      Array.from({ length: 256 }, () => point({ atMs: NOW_MS })),
      NOW_MS,
    );
    store.insert(
      Array.from({ length: 256 }, () => point({ atMs: NOW_MS + 50_000 })),
      NOW_MS + 50_000,
    );
    expect(store.rows).toBe(512);
    store.insert([point({ atMs: NOW_MS + 100_000 })], NOW_MS + 100_000);
    expect(store.rows).toBe(257);
    expect(ask(store, "overview").current.requests).toBe(257);
    expect(ask(new EmbeddedStore(sql), "overview").current.requests).toBe(257);
  });
});

describe("a point", () => {
  it.each(HOSTILE.map((text) => [JSON.stringify(text).slice(0, 60), text]))(
    "with the text %s in every field breaks no report and comes back as it was, cut",
    (_shown, text) => {
      const store = new EmbeddedStore(new NodeSql());
      const texts = { account: text, route: text, tier: text, reason: text, method: text, colo: text };
      store.insert([point({ ...texts, country: text, keyId: text, requestId: text }), point()], NOW_MS);
      for (const name of REPORT_NAMES) store.report(query(name), NOW_MS);
      const cut = text.slice(0, 512);
      expect(ask(store, "decisions", { filters: { account: cut } }).decisions).toMatchObject([
        { account: cut, route: cut, tier: cut, reason: cut, keyId: cut, requestId: text.slice(0, 128) },
      ]);
      expect(ask(store, "user", { filters: { account: cut } }).totals.requests).toBe(1);
      expect(ask(store, "top-users").users.map(({ account }) => account)).toContain(cut);
    },
  );

  it("with half a surrogate or with numbers that are none is stored in a form that can be read", () => {
    const store = new EmbeddedStore(new NodeSql());
    store.insert(
      [point({ account: "\ud800", cost: Number.NaN, limiterMs: Number.POSITIVE_INFINITY })],
      NOW_MS,
    );
    expect(ask(store, "decisions").decisions).toMatchObject([
      { account: "\ufffd", cost: 0, limiterMs: 9_990_000 },
    ]);
  });
});

describe("the log", () => {
  it("shows every decision once over its pages, newest first, also where thousands share a moment", () => {
    const store = new EmbeddedStore(new NodeSql());
    const all = Array.from({ length: 2_500 }, (_, i) =>
      point({ atMs: NOW_MS - (i % 3), requestId: `r${i % 40}` }),
    );
    for (const rows of batches(all, 90)) store.insert(rows, NOW_MS);
    const shown: string[] = [];
    let after: ReportQuery["after"] = null;
    for (let page = 0; page < 30; page++) {
      const { decisions, cursor } = ask(store, "decisions", { after, limit: 99 });
      shown.push(...decisions.map(({ at, requestId }) => `${at} ${requestId}`));
      if (cursor === null) break;
      after = readPosition(cursor);
    }
    const wanted = all.map(({ atMs, requestId }) => `${new Date(atMs).toISOString()} ${requestId}`);
    expect(shown.toSorted()).toEqual(wanted.toSorted());
    const moments = shown.map((line) => line.split(" ")[0] ?? "");
    expect(moments).toEqual(moments.toSorted().toReversed());
  });
});

describe("above its size", () => {
  const limits = { ...LIMITS, rows: 20_000 };
  const RARE = 100;

  /** One account makes nearly all requests; others a few each. */
  function flooded(): { store: EmbeddedStore; sql: NodeSql; total: number; cost: number } {
    const sql = new NodeSql();
    const store = new EmbeddedStore(sql, limits);
    let cost = 0;
    for (let i = 0; i < 1_000; i++) {
      const rows = Array.from({ length: 100 }, (_, n) =>
        point({
          account: n === 0 && i % 10 === 0 ? `user:rare-${i / 10}` : "user:busy",
          cost: 1 + (n % 3),
          atMs: NOW_MS + i,
          requestId: `${i}-${n}`,
        }),
      );
      cost += rows.reduce((sum, row) => sum + row.cost, 0);
      store.insert(rows, NOW_MS);
    }
    return { store, sql, total: 100_000, cost };
  }

  it("keeps to its size, counts right within the error of sampling, and says that it is sampled", () => {
    const { store, sql, total, cost } = flooded();
    expect(store.rows).toBeLessThan(limits.rows * 1.2);
    expect(store.rows).toBeGreaterThan(limits.rows * 0.5);
    const { current, sampled } = ask(store, "overview");
    expect(sampled).toBe(true);
    // The standard error of this sample is below 1 %.
    expect(Math.abs(current.requests / total - 1)).toBeLessThan(0.04);
    expect(Math.abs(current.cost / cost - 1)).toBeLessThan(0.04);
    expect(ask(new EmbeddedStore(sql, limits), "overview").current).toEqual(current);
    // Thinning is a fraction of what the batches themselves write.
    expect(sql.writes).toBeLessThan(4_000);
  });

  it("keeps every row of an account that has few", () => {
    const { store } = flooded();
    const { users } = ask(store, "top-users");
    expect(users.filter(({ account }) => account.startsWith("user:rare-"))).toHaveLength(RARE);
    expect(users.filter(({ requests }) => requests === 1)).toHaveLength(RARE);
  });

  it("samples alike whenever it is given the same", () => {
    expect(ask(flooded().store, "overview")).toEqual(ask(flooded().store, "overview"));
  });

  it("keeps to its size where every request is another account's", () => {
    const store = new EmbeddedStore(new NodeSql(), { ...LIMITS, rows: 5_000 });
    for (let i = 0; i < 300; i++) {
      store.insert(
        Array.from({ length: 100 }, (_, n) => point({ account: `ip:${i}-${n}` })),
        NOW_MS,
      );
    }
    expect(store.rows).toBeLessThan(6_500);
    expect(Math.abs(ask(store, "overview").current.requests / 30_000 - 1)).toBeLessThan(0.1);
  });

  it("has a fair coin", () => {
    const heads = Array.from({ length: 100_000 }, (_, i) => hash(`request-${i}\nuser:a\n${i % 7}\n1\n3`) & 1);
    const share = heads.reduce((sum, head) => sum + head, 0) / heads.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.01);
  });
});

function* batches<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size);
}

describe("a batch that storage refuses", () => {
  it("is not there, and is there once when it is given again", () => {
    const sql = new NodeSql();
    const store = new EmbeddedStore(sql);
    store.insert([point()], NOW_MS);
    sql.isFull = true;
    expect(() => store.insert([point(), point()], NOW_MS)).toThrow("full");
    sql.isFull = false;
    expect(ask(store, "overview").current.requests).toBe(1);
    store.insert([point(), point()], NOW_MS);
    expect(ask(store, "overview").current.requests).toBe(3);
    expect(ask(new EmbeddedStore(sql), "overview").current.requests).toBe(3);
  });
});
