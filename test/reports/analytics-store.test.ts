/** The embedded store on SQLite: what it keeps, what it costs, and what it does above its limit. */
import { beforeAll, describe, expect, it } from "vitest";
import { AnalyticsStore, type StoreLimits } from "../../durable-objects/analytics-store/analytics-store.ts";
import { hash } from "../../durable-objects/analytics-store/thinning.ts";
import type { Point } from "../../src/analytics/point.ts";
import type { ReportAnswer } from "../../src/analytics/reports/report-answer.ts";
import { readPosition } from "../../src/analytics/reports/decision-log.ts";
import { REPORT_NAMES, type ReportName, type ReportQuery } from "../../src/analytics/reports/report-query.ts";
import { point as pointWith } from "../metrics/points.ts";
import { NodeSql } from "./node-sql.ts";
import { HOSTILE, randomRows } from "./random-rows.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;
const LIMITS: StoreLimits = { rows: 500_000, keepMs: DAY_MS };

let points = 0;
function point(given: Partial<Point> = {}): Point {
  points += 1;
  return pointWith({
    atMs: NOW_MS,
    route: "/identify",
    colo: "FRA",
    country: "DE",
    keyId: "key",
    requestId: `request-${points}`,
    limiterMs: 1,
    upstreamMs: 5,
    remainingFraction: 0.5,
    ...given,
  });
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

function ask<Name extends ReportName>(store: AnalyticsStore, name: Name, given: Partial<ReportQuery> = {}) {
  const answer = store.report(query(name, given), NOW_MS);
  const isAsked = (found: ReportAnswer): found is Extract<ReportAnswer, { report: Name }> =>
    found.report === name;
  if (!isAsked(answer)) throw new Error(`asked for ${name}, got ${answer.report}`);
  return answer;
}

describe("rows written", () => {
  it("are one per batch of any size, and one per some hundred deleted points", () => {
    const sql = new NodeSql();
    const store = new AnalyticsStore(sql);
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

  it("are none if nothing was stored: neither a start nor a report writes", () => {
    const sql = new NodeSql();
    const store = new AnalyticsStore(sql);
    for (const name of REPORT_NAMES) store.report(query(name), NOW_MS);
    store.insert([], NOW_MS);
    store.sweep(NOW_MS);
    expect(sql.writes).toBe(0);
  });
});

describe("what is stored", () => {
  it("answers the same after a restart", () => {
    const sql = new NodeSql();
    const store = new AnalyticsStore(sql);
    for (const rows of batches(randomRows(1, 3_000), 70)) store.insert(rows, NOW_MS);
    const span = { fromMs: NOW_MS - 3 * DAY_MS, toMs: NOW_MS };
    for (const name of REPORT_NAMES) {
      const again = new AnalyticsStore(sql);
      expect(again.report(query(name, span), NOW_MS)).toEqual(store.report(query(name, span), NOW_MS));
    }
    expect(ask(store, "overview", span).current.requests).toBeGreaterThan(3_000);
  });

  it("is loaded along with later batches, each chunk once", () => {
    const sql = new NodeSql();
    const before = new AnalyticsStore(sql);
    for (let i = 0; i < 80; i++)
      before.insert(
        Array.from({ length: 200 }, () => point()),
        NOW_MS,
      );
    const store = new AnalyticsStore(sql);
    for (let i = 0; i < 5; i++) store.insert([point()], NOW_MS);
    expect(ask(store, "overview").current.requests).toBe(16_005);
    store.insert([point()], NOW_MS);
    expect(ask(store, "overview").current.requests).toBe(16_006);
    expect(store.rows).toBe(16_006);
  });

  it("is deleted after its time, by chunks", () => {
    const sql = new NodeSql();
    const store = new AnalyticsStore(sql, { rows: 1_000, keepMs: 60_000 });
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
    expect(ask(new AnalyticsStore(sql), "overview").current.requests).toBe(257);
  });
});

describe("a point", () => {
  it.each(HOSTILE.map((text) => [JSON.stringify(text).slice(0, 60), text]))(
    "with the text %s in every field breaks no report and comes back as it was, cut",
    (_shown, text) => {
      const store = new AnalyticsStore(new NodeSql());
      const texts = { account: text, route: text, tier: text, reason: text, method: text, colo: text };
      store.insert([point({ ...texts, country: text, keyId: text, requestId: text }), point()], NOW_MS);
      for (const name of REPORT_NAMES) store.report(query(name), NOW_MS);
      const cut = text.slice(0, 512);
      expect(ask(store, "decisions", { filters: { account: cut } }).decisions).toMatchObject([
        { account: cut, route: cut, tier: cut, reason: cut, keyId: cut, requestId: text.slice(0, 128) },
      ]);
      expect(ask(store, "user", { filters: { account: cut } }).totals.requests).toBe(1);
      // An empty account is no user.
      const users = ask(store, "top-users").users.map(({ account }) => account);
      expect(users).toEqual(expect.arrayContaining(cut === "" ? ["user:acme"] : ["user:acme", cut]));
      expect(users).not.toContain("");
    },
  );

  it("with a lone surrogate, NaN or infinity is stored in a readable form", () => {
    const store = new AnalyticsStore(new NodeSql());
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
  it("shows every decision once over its pages, newest first, even if thousands share a moment", () => {
    const store = new AnalyticsStore(new NodeSql());
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

describe("above its limit", () => {
  const limits = { ...LIMITS, rows: 20_000 };
  const RARE = 100;

  /** One account makes nearly all requests; others a few each. */
  function flooded(): { store: AnalyticsStore; sql: NodeSql; total: number; cost: number } {
    const sql = new NodeSql();
    const store = new AnalyticsStore(sql, limits);
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
  let flood: ReturnType<typeof flooded>;
  beforeAll(() => {
    flood = flooded();
  });

  it("stays within its limit, is accurate within the error of sampling, and says that it is sampled", () => {
    const { store, sql, total, cost } = flood;
    expect(store.rows).toBeLessThan(limits.rows * 1.2);
    expect(store.rows).toBeGreaterThan(limits.rows * 0.5);
    const { current, sampled } = ask(store, "overview");
    expect(sampled).toBe(true);
    // The standard error of this sample is below 1 %.
    expect(Math.abs(current.requests / total - 1)).toBeLessThan(0.04);
    expect(Math.abs(current.cost / cost - 1)).toBeLessThan(0.04);
    expect(ask(new AnalyticsStore(sql, limits), "overview").current).toEqual(current);
    // Thinning is a fraction of what the batches themselves write.
    expect(sql.writes).toBeLessThan(4_000);
  });

  it("keeps every row of an account with few rows", () => {
    const { users } = ask(flood.store, "top-users");
    expect(users.filter(({ account }) => account.startsWith("user:rare-"))).toHaveLength(RARE);
    expect(users.filter(({ requests }) => requests === 1)).toHaveLength(RARE);
  });

  it("samples the same input the same way", () => {
    expect(ask(flooded().store, "overview")).toEqual(ask(flood.store, "overview"));
  });

  it("stays within its limit if every request is from another account", () => {
    const store = new AnalyticsStore(new NodeSql(), { ...LIMITS, rows: 5_000 });
    for (let i = 0; i < 300; i++) {
      store.insert(
        Array.from({ length: 100 }, (_, n) => point({ account: `ip:${i}-${n}` })),
        NOW_MS,
      );
    }
    expect(store.rows).toBeLessThan(6_500);
    // Four standard errors if all rows weigh alike; halving old rows in each pass was up to 36 % off.
    expect(Math.abs(ask(store, "overview").current.requests / 30_000 - 1)).toBeLessThan(0.06);
  });

  it("flips a fair coin", () => {
    const heads = Array.from({ length: 100_000 }, (_, i) => hash(`request-${i}\nuser:a\n${i % 7}\n1\n3`) & 1);
    const share = heads.reduce((sum, head) => sum + head, 0) / heads.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.01);
  });
});

function* batches<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size);
}

describe("a batch that storage rejects", () => {
  it("is not stored, and is stored once when it is inserted again", () => {
    const sql = new NodeSql();
    const store = new AnalyticsStore(sql);
    store.insert([point()], NOW_MS);
    sql.isFull = true;
    expect(() => store.insert([point(), point()], NOW_MS)).toThrow("full");
    sql.isFull = false;
    expect(ask(store, "overview").current.requests).toBe(1);
    store.insert([point(), point()], NOW_MS);
    expect(ask(store, "overview").current.requests).toBe(3);
    expect(ask(new AnalyticsStore(sql), "overview").current.requests).toBe(3);
  });
});

/** 50 decided requests, of which a limit denied 10, and what was turned away for all other reasons. */
function turnedAway(): Point[] {
  const many = (count: number, given: Partial<Point>) => Array.from({ length: count }, () => point(given));
  const unknown = { account: "", tier: "", keyId: "", source: "none", limiterMs: 0, cost: 0 } as const;
  return [
    ...many(40, { limiterMs: 8 }),
    ...many(10, { outcome: "denied", reason: "minute", limiterMs: 20 }),
    ...many(4, { outcome: "denied", reason: "blocked", limiterMs: 2 }),
    ...many(3, { outcome: "denied", reason: "revoked", source: "deny-cache", limiterMs: 2 }),
    ...many(1, { ...unknown, outcome: "denied", reason: "overloaded", account: "user:acme", tier: "free" }),
    ...many(1, { outcome: "denied", reason: "overloaded", limiterMs: 2 }),
    ...many(800, { ...unknown, route: "", outcome: "denied", reason: "not_found" }),
    ...many(100, { ...unknown, outcome: "denied", reason: "unauthenticated" }),
    ...many(5, { source: "none", reason: "exempt", limiterMs: 0, route: "/health" }),
  ];
}

it("requests that limits in shadow would have denied are counted by limit, once each in all", () => {
  const store = new AnalyticsStore(new NodeSql());
  const shadowed = (list: string, more: Partial<Point> = {}) =>
    point({ shadowed: list, reason: `shadow:${list.split(";")[0] ?? ""}`, ...more });
  const failed = shadowed("day", { account: "user:b", outcome: "error", reason: "upstream_error" });
  store.insert([point(), shadowed("day"), shadowed("day;uploads", { requests: 2 }), failed], NOW_MS);
  const report = ask(store, "shadow-denials");
  expect(report).toMatchObject({
    requests: 4,
    limits: [
      { limit: "day", requests: 4, share: 4 / 5 },
      { limit: "uploads", requests: 2, share: 2 / 5 },
    ],
    top: [
      { limit: "day", account: "user:acme", requests: 3 },
      { limit: "uploads", account: "user:acme", requests: 2 },
      { limit: "day", account: "user:b", requests: 1 },
    ],
  });
  const sums = report.series.map(({ key, requests }) => [
    key,
    requests.reduce((sum, count) => sum + count, 0),
  ]);
  expect(sums).toEqual([
    ["day", 4],
    ["uploads", 2],
  ]);
  expect(ask(store, "overview").current).toMatchObject({ allowed: 4, denied: 0 });
});

describe("requests that no limit denied", () => {
  const store = new AnalyticsStore(new NodeSql());
  beforeAll(() => store.insert(turnedAway(), NOW_MS));

  it("count as turned away, not as denied, in every report", () => {
    const counts = { requests: 964, allowed: 45, denied: 10, turnedAway: 909, errors: 0, decided: 58 };
    expect(ask(store, "overview").current).toMatchObject(counts);
    expect(ask(store, "denials")).toMatchObject({
      denied: 10,
      reasons: [{ reason: "minute", denied: 10, share: 1 }],
      top: [{ reason: "minute", account: "user:acme", denied: 10 }],
    });
    const sums = ask(store, "timeseries").series.map(({ key, requests, denied }) => [
      key,
      requests.reduce((sum, count) => sum + count, 0),
      denied.reduce((sum, count) => sum + count, 0),
    ]);
    expect(sums).toEqual([
      ["turned_away", 909, 0],
      ["allowed", 45, 0],
      ["denied", 10, 10],
    ]);
    const user = ask(store, "user");
    expect(user.totals).toMatchObject({ requests: 64, denied: 10, turnedAway: 9, decided: 58 });
    expect(user.reasons).toEqual([{ reason: "minute", denied: 10, share: 1 }]);
    expect(ask(store, "ledger-drift").accounts).toEqual([
      { account: "user:acme", requests: 40, cost: 45, denied: 10 },
    ]);
  });

  it("are found in the log and in every report by the outcome turned_away, and not by denied", () => {
    const byOutcome = (outcome: string) => ({ filters: { outcome } });
    const reasons = (outcome: string) =>
      new Set(ask(store, "decisions", byOutcome(outcome)).decisions.map(({ reason }) => reason));
    expect(reasons("denied")).toEqual(new Set(["minute"]));
    expect(reasons("turned_away")).toEqual(
      new Set(["blocked", "revoked", "overloaded", "not_found", "unauthenticated"]),
    );
    const [line] = ask(store, "decisions", byOutcome("turned_away")).decisions;
    expect(line?.outcome).toBe("turned_away");
    expect(ask(store, "overview", byOutcome("turned_away")).current).toMatchObject({
      requests: 909,
      turnedAway: 909,
    });
    expect(ask(store, "denials", byOutcome("turned_away")).denied).toBe(0);
  });

  it("are in no percentile if the limiter did not decide them", () => {
    const p95Ms = 20;
    expect(ask(store, "overview").current.latencyMs).toEqual({ p50: 8, p95: p95Ms, p99: p95Ms });
    expect(ask(store, "top-routes").routes.map(({ route, latencyMs }) => [route, latencyMs?.p95])).toEqual([
      ["/identify", p95Ms],
      ["/health", undefined],
    ]);
    expect(ask(store, "tiers").tiers).toMatchObject([{ tier: "free", latencyMs: { p95: p95Ms } }]);
    expect(ask(store, "user").totals.latencyMs?.p95).toBe(p95Ms);
    const { steps, sources, histogram } = ask(store, "latency");
    expect(steps.p50.filter((ms) => ms !== null)).toEqual([8]);
    expect(sources.map(({ source }) => source)).toEqual(["strict", "deny-cache"]);
    expect(histogram.reduce((sum, { requests }) => sum + requests, 0)).toBe(58);
    const none = ask(store, "sources").sources.find(({ source }) => source === "none");
    expect(none).toMatchObject({ requests: 906, latencyMs: null });
  });

  it("count for no user, route or tier if they have none, and not in their shares", () => {
    expect(ask(store, "top-users").users).toMatchObject([{ account: "user:acme", requests: 64, share: 1 }]);
    expect(ask(store, "tiers").tiers).toMatchObject([{ tier: "free", share: 1 }]);
    const { routes } = ask(store, "top-routes");
    expect(routes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(ask(store, "top-routes", { filters: { route: "" } }).routes).toEqual([]);
  });
});

describe("a rate", () => {
  const HOUR_MS = 3_600_000;
  const store = new AnalyticsStore(new NodeSql(), LIMITS);
  beforeAll(() => {
    const twicePerSecond = Array.from({ length: 7_200 }, (_, i) =>
      point({ atMs: NOW_MS - HOUR_MS + i * 500 }),
    );
    store.insert(twicePerSecond, NOW_MS);
  });
  const rate = (fromMs: number, toMs: number) => {
    const { perSecond, coveredSeconds } = ask(store, "overview", { fromMs, toMs }).current;
    return [Math.round(perSecond * 1_000) / 1_000, Math.round(coveredSeconds)];
  };

  it("counts elapsed seconds, not those to come", () => {
    expect(rate(NOW_MS - HOUR_MS, NOW_MS)).toEqual([2, 3_600]);
    expect(rate(NOW_MS - HOUR_MS, NOW_MS + 23 * HOUR_MS)).toEqual([1.999, 3_601]);
    expect(rate(NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)).toEqual([0, 0]);
  });

  it("counts the time that the store keeps, not what it has deleted", () => {
    expect(rate(NOW_MS - 7 * DAY_MS, NOW_MS)).toEqual([0.083, 86_400]);
    expect(ask(store, "overview", { fromMs: NOW_MS - DAY_MS, toMs: NOW_MS }).previous).toMatchObject({
      requests: 0,
      perSecond: 0,
      coveredSeconds: 0,
    });
  });
});

describe("a page of the log", () => {
  it("begins after the last row of the page before, whatever comes in between, of the same request too", () => {
    const store = new AnalyticsStore(new NodeSql());
    const item = (account: string, given: Partial<Point> = {}) =>
      point({ account, requestId: "batch", ...given });
    const insert = (...accounts: string[]) =>
      store.insert(
        accounts.map((name) => item(name)),
        NOW_MS,
      );
    const page = (cursor: string | null, limit = 2) => {
      const after = cursor === null ? null : readPosition(cursor);
      const { decisions, cursor: next } = ask(store, "decisions", { limit, after });
      return { accounts: decisions.map(({ account }) => account), next };
    };
    insert("user:b", "user:d", "user:f");
    const first = page(null);
    expect(first.accounts).toEqual(["user:b", "user:d"]);
    insert("user:a", "user:c", "user:e", "user:g");
    const second = page(first.next);
    expect(second.accounts).toEqual(["user:e", "user:f"]);
    // Rows that nothing distinguishes are counted.
    insert("user:g", "user:g");
    const third = page(second.next);
    expect(third.accounts).toEqual(["user:g", "user:g"]);
    expect(page(third.next, 10)).toEqual({ accounts: ["user:g"], next: null });
  });
});

describe("the ranking of subjects", () => {
  const store = new AnalyticsStore(new NodeSql());
  const decided = (account: string, outcome: "allowed" | "denied", atMs: number, requests: number) =>
    point({
      account,
      outcome,
      reason: outcome === "denied" ? "minute" : "ok",
      atMs,
      requests,
      cost: requests,
    });
  beforeAll(() => {
    store.insert(
      [
        decided("user:busy", "allowed", NOW_MS - 60_500, 90),
        decided("user:busy", "denied", NOW_MS - 90_000, 10),
        decided("user:denied", "allowed", NOW_MS - 50_000, 1),
        decided("user:denied", "denied", NOW_MS - 40_000, 3),
        decided("user:late", "allowed", NOW_MS - 1_001, 2),
        point({ account: "user:turned-away", outcome: "denied", reason: "unauthenticated", source: "none" }),
        decided("ip:192.0.2.1", "allowed", NOW_MS, 500),
        point({ account: "" }),
      ],
      NOW_MS,
    );
  });
  const ranked = (given: Partial<ReportQuery>) =>
    ask(store, "subjects", given).subjects.map(({ account }) => account.slice(account.indexOf(":") + 1));

  it("has users, or addresses, and says when each was last seen", () => {
    expect(ranked({})).toEqual(["busy", "denied", "late", "turned-away"]);
    expect(ranked({ subjects: "address" })).toEqual(["192.0.2.1"]);
    const [busy] = ask(store, "subjects").subjects;
    const lastSeenAt = new Date(NOW_MS - 61_000).toISOString();
    expect(busy).toMatchObject({
      requests: 100,
      allowed: 90,
      denied: 10,
      decided: 100,
      cost: 90,
      lastSeenAt,
    });
  });

  it("is by the share denied of what was decided, by the last request, by cost or by denials", () => {
    expect(ranked({ order: "deniedShare" })).toEqual(["denied", "busy", "late", "turned-away"]);
    expect(ranked({ order: "lastSeen" })).toEqual(["turned-away", "late", "denied", "busy"]);
    expect(ranked({ order: "cost" })).toEqual(["busy", "late", "denied", "turned-away"]);
    expect(ranked({ order: "denied" })).toEqual(["busy", "denied", "late", "turned-away"]);
  });

  it("says whether there are more than were asked for", () => {
    const first = (limit: number) => {
      const { subjects, isComplete } = ask(store, "subjects", { limit, order: "lastSeen" });
      return [subjects.length, isComplete];
    };
    expect([first(3), first(4), first(5)]).toEqual([
      [3, false],
      [4, true],
      [4, true],
    ]);
  });
});
