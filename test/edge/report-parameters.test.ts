/** How a report's query string and settings are read. */
import { describe, expect, it } from "vitest";
import { passes } from "../../src/analytics/live.ts";
import { writePosition } from "../../src/analytics/reports/decision-log.ts";
import type { LogPosition } from "../../src/analytics/reports/report-query.ts";
import { LEVELS } from "../../src/analytics/reports/facts.ts";
import { msOfStep, SCALE_STEPS, scaledMs, stepOfMs } from "../../src/analytics/reports/latency-scale.ts";
import { compareUtf8 } from "../../src/analytics/reports/utf8-order.ts";
import { REPORT_NAMES } from "../../src/analytics/reports/report-query.ts";
import { cursorOf } from "../../src/api/query.ts";
import { queryOf, reportQuery } from "../../src/api/reports/report-parameters.ts";
import { readSettings } from "../../src/settings.ts";
import { HOSTILE, randomOf, randomRows } from "../reports/random-rows.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12, 30, 15, 250);
const POSITION: LogPosition = {
  atMs: 1,
  requestId: "x",
  account: "user:a",
  route: "",
  outcome: "denied",
  reason: "minute",
  keyId: "",
  cost: 0.5,
  shown: 1,
};
const iso = (ms: number) => new Date(ms).toISOString();

describe("a report without parameters", () => {
  it("covers the last hour, to the end of this second, by minute", () => {
    expect(queryOf("timeseries", {}, NOW_MS)).toEqual({
      ok: true,
      value: {
        name: "timeseries",
        fromMs: NOW_MS + 750 - 3_600_000,
        toMs: NOW_MS + 750,
        intervalMs: 60_000,
        filters: {},
        by: "outcome",
        order: "requests",
        limit: 20,
        after: null,
      },
    });
  });

  it("ends now if it reaches into the future, and is unchanged if it is entirely in the future", () => {
    const end = (from: number, to: number) => {
      const query = queryOf("overview", { from: iso(NOW_MS + from), to: iso(NOW_MS + to) }, NOW_MS);
      return query.ok ? query.value.toMs - NOW_MS : query.faults;
    };
    expect(end(-3_600_000, 86_400_000)).toBe(750);
    expect(end(-3_600_000, 200 * 86_400_000)).toBe(750);
    expect(end(-3_600_000, -1_800_000)).toBe(-1_799_250);
    expect(end(3_600_000, 7_200_000)).toBe(7_200_750);
  });

  it("covers the last day if it searches for a request", () => {
    const query = queryOf("decisions", { requestId: "x" }, NOW_MS);
    expect(query).toMatchObject({ value: { fromMs: NOW_MS + 750 - 86_400_000, requestId: "x" } });
  });

  it("covers whole hours and at most 20 accounts if it is compared with the ledger", () => {
    const query = queryOf("ledger-drift", { limit: "1000" }, NOW_MS);
    const to = Date.UTC(2026, 10, 21, 13);
    expect(query).toMatchObject({ ok: true, value: { fromMs: to - 3_600_000, toMs: to, limit: 20 } });
  });
});

it.each([
  ["1 min", 60_000, 1_000],
  ["1 h", 3_600_000, 60_000],
  ["1 day", 86_400_000, 900_000],
  ["90 days", 90 * 86_400_000, 86_400_000],
])("a chart of %s has the finest default step", (_span, span, intervalMs) => {
  const query = queryOf("latency", { from: iso(NOW_MS - span), to: iso(NOW_MS) }, NOW_MS);
  expect(query).toMatchObject({ ok: true, value: { intervalMs } });
});

it.each([
  ["overview", { from: iso(NOW_MS), to: iso(NOW_MS - 1_000) }, "/from"],
  ["overview", { from: iso(NOW_MS + 9_000_000) }, "/from"],
  ["overview", { from: "2020-01-01", to: "2026-01-01" }, "/from"],
  ["timeseries", { from: "2026-11-01", to: "2026-11-20", interval: "1s" }, "/interval"],
  ["user", {}, "/account"],
  ["timeseries", { by: "account" }, "/by"],
  ["overview", { requestId: "x" }, "/requestId"],
  ["top-users", { search: "x" }, "/search"],
  ["tiers", { cursor: cursorOf(writePosition(POSITION)) }, "/cursor"],
  ["decisions", { cursor: "AAAA" }, "/cursor"],
  ["decisions", { cursor: cursorOf(writePosition({ ...POSITION, shown: -1 })) }, "/cursor"],
  ["decisions", { cursor: cursorOf(writePosition({ ...POSITION, shown: 1e99 })) }, "/cursor"],
  // From an earlier version.
  ["decisions", { cursor: cursorOf('[1,"x",1]') }, "/cursor"],
] as const)("%s with %j is rejected, and the fault names the parameter", (name, parameters, path) => {
  expect(queryOf(name, parameters, NOW_MS)).toMatchObject({ ok: false, faults: [{ path }] });
});

it.each([
  [{ limit: "0" }],
  [{ limit: "1001" }],
  [{ interval: "2m" }],
  [{ by: "country" }],
  [{ requestId: "" }],
  [{ order: "name" }],
  [{ outcome: "maybe" }],
  [{ route: "x".repeat(513) }],
  [{ from: "yesterday" }],
  [{ other: "1" }],
])("the parameters %j are rejected", (parameters) => {
  expect(reportQuery.safeParse(parameters).success).toBe(false);
});

it("every filter is passed on unchanged", () => {
  const filters = {
    account: "user:a' OR 1=1",
    route: "\\",
    tier: "x",
    outcome: "denied",
    reason: "",
    source: "s",
    keyId: "k",
    method: "GET",
    upstreamStatus: "5xx",
  };
  expect(queryOf("decisions", reportQuery.parse(filters), NOW_MS)).toMatchObject({ value: { filters } });
});

it.each([
  ["alice", "user:alice"],
  ["user:alice", "user:alice"],
  ["user:user:alice", "user:user:alice"],
  ["ip:192.0.2.1", "ip:192.0.2.1"],
  ["192.0.2.1", "user:192.0.2.1"],
  ["users:alice", "user:users:alice"],
  ["auth0|5f/7c", "user:auth0|5f/7c"],
  ["", ""],
])("the account %j means %j, in every report and in the live stream", (account, subject) => {
  for (const name of REPORT_NAMES) {
    expect(queryOf(name, reportQuery.parse({ account }), NOW_MS)).toMatchObject({
      value: { filters: { account: subject } },
    });
  }
  const [point] = randomRows(1, 1);
  if (!point) throw new Error("there is no point");
  const shown = [subject, `${subject}x`].map((of) => passes({ ...point, account: of }, { account }));
  expect(shown).toEqual([true, false]);
});

describe("the latency scale", () => {
  it("keeps three digits, and numbers its steps in order", () => {
    expect([0, 1, 999, 1_004, 0.001_234, -1, Number.NaN, 1e12].map(scaledMs)).toEqual([
      0, 1, 999, 1_000, 0.001_23, 0, 0, 9_990_000,
    ]);
    for (let step = 0; step < SCALE_STEPS; step++) {
      expect(stepOfMs(msOfStep(step))).toBe(step);
      if (step > 0) expect(msOfStep(step)).toBeGreaterThan(msOfStep(step - 1));
    }
  });

  it("is off by at most half a percent", () => {
    const random = randomOf(1);
    for (let i = 0; i < 10_000; i++) {
      const ms = 10 ** (random() * 9 - 3);
      expect(Math.abs(scaledMs(ms) / ms - 1)).toBeLessThanOrEqual(0.005_000_1);
      expect(msOfStep(stepOfMs(ms))).toBe(scaledMs(ms));
    }
  });
});

it("strings are ordered by their UTF-8 bytes", () => {
  const texts = [...HOSTILE, "\uffff", "\u{10000}", "\ue000", "a", "aa", "\u{1f680}x"].map((text) =>
    text.slice(0, 50),
  );
  const hex = (text: string) =>
    [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const byBytes = (a: string, b: string) => (hex(a) < hex(b) ? -1 : Number(hex(a) > hex(b)));
  expect(texts.toSorted(compareUtf8)).toEqual(texts.toSorted(byBytes));
});

it("the percentile levels are those of the answers", () => {
  expect(LEVELS).toEqual([0.5, 0.95, 0.99]);
});

describe("the settings", () => {
  const ACCOUNT = "0123456789abcdef0123456789abcdef";
  const given = { ANALYTICS_API_TOKEN: "s3cret", ANALYTICS_ACCOUNT_ID: ACCOUNT };
  const engineOf = (variables: object) => {
    const parsed = readSettings(variables);
    return parsed.ok ? parsed.value.engine : parsed.faults.map(({ path }) => path);
  };

  it("name the account's own URL and the dataset", () => {
    expect(engineOf(given)).toEqual({
      url: new URL(`https://api.cloudflare.com/client/v4/accounts/${ACCOUNT}/analytics_engine/sql`),
      token: "s3cret",
      dataset: "edge_limiter",
    });
    expect(
      engineOf({ ...given, ANALYTICS_API_URL: "http://127.0.0.1:1/x/", ANALYTICS_DATASET: "own" }),
    ).toMatchObject({
      url: new URL(`http://127.0.0.1:1/x/accounts/${ACCOUNT}/analytics_engine/sql`),
      dataset: "own",
    });
  });

  it("are null without a token", () => {
    expect(engineOf({ ANALYTICS_ACCOUNT_ID: ACCOUNT })).toBeNull();
  });

  it.each([
    [{ ANALYTICS_API_TOKEN: "s3cret" }, ["/ANALYTICS_ACCOUNT_ID"]],
    [{ ...given, ANALYTICS_ACCOUNT_ID: "../x" }, ["/ANALYTICS_ACCOUNT_ID"]],
    [{ ...given, ANALYTICS_API_TOKEN: "a\r\nb" }, ["/ANALYTICS_API_TOKEN"]],
    [{ ...given, ANALYTICS_API_URL: "http://api.test" }, ["/ANALYTICS_API_URL"]],
    [{ ...given, ANALYTICS_API_URL: "x" }, ["/ANALYTICS_API_URL"]],
    [{ ...given, ANALYTICS_DATASET: "a; DROP" }, ["/ANALYTICS_DATASET"]],
  ])("are rejected with the variable's name: %j", (variables, paths) => {
    expect(engineOf(variables)).toEqual(paths);
  });
});
