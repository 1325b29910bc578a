/** The overview: its range and paths, and what it makes of the answers. */
import { expect, test } from "vitest";
import {
  parseTraffic,
  policyMarks,
  trafficChart,
  trafficSummary,
} from "../../dashboard/src/overview/traffic.ts";
import { decisionsIn } from "../../dashboard/src/shell/decision-log.ts";
import { pathAt } from "../../dashboard/src/shell/moving-path.ts";
import { parseRouteRanking, parseUserRanking } from "../../dashboard/src/shell/rankings.ts";
import { refreshMs } from "../../dashboard/src/shell/refresh.ts";
import { subjectName, userAddress } from "../../dashboard/src/shell/subject.ts";
import {
  betweenLocal,
  isWithinADay,
  localText,
  paramsOf,
  rangeOf,
  reportPath,
  zoomedOut,
  zoomedTo,
} from "../../dashboard/src/shell/time-range.ts";

const NOON_MS = Date.UTC(2026, 10, 21, 12);
const HOUR_MS = 3_600_000;

test("takes the range from the URL, or the last hour if it is invalid", () => {
  expect(rangeOf({ range: "6h" })).toMatchObject({ kind: "last", seconds: 21_600 });
  for (const params of [
    {},
    { range: "9y" },
    { from: "x", to: "y" },
    { from: "2026-11-21", to: "2026-11-20" },
    { from: "2026-01-01", to: "2026-11-20" },
    { from: "-001000-01-01", to: "-001000-01-02" },
  ]) {
    expect(rangeOf(params)).toMatchObject({ kind: "last", name: "1h" });
  }
  const custom = { kind: "between", fromMs: NOON_MS, toMs: NOON_MS + HOUR_MS } as const;
  expect(rangeOf(paramsOf(custom))).toEqual(custom);
});

test("takes a custom range in the viewer's time zone, and rejects one that ends before it starts", () => {
  const custom = { kind: "between", fromMs: NOON_MS, toMs: NOON_MS + HOUR_MS } as const;
  expect(betweenLocal(localText(custom.fromMs), localText(custom.toMs))).toEqual(custom);
  expect(betweenLocal(localText(custom.toMs), localText(custom.fromMs))).toBeNull();
  const typed = betweenLocal("2026-11-30 9:05", " 2026-11-30T10:05:00 ");
  expect(typed?.kind === "between" && typed.toMs - typed.fromMs).toBe(HOUR_MS);
  for (const strange of ["", "soon", "2026-13-30 09:05", "11/30/2026 9:05 AM"]) {
    expect(betweenLocal(strange, "2026-11-30 10:05")).toBeNull();
  }
});

test("refreshes as often as the range changes visibly, as often as asked, or never", () => {
  const [hour, week] = [rangeOf({ range: "1h" }), rangeOf({ range: "7d" })];
  expect([refreshMs({}, hour), refreshMs({}, week)]).toEqual([5_000, 30_000]);
  expect([refreshMs({ refresh: "30s" }, hour), refreshMs({ refresh: "off" }, hour)]).toEqual([30_000, null]);
  expect(refreshMs({ refresh: "constructor" }, hour)).toBe(5_000);
});

test("leads to the decisions behind a figure: the same range, and its filters", () => {
  expect(decisionsIn(rangeOf({ range: "6h" }), { route: "/a", outcome: "denied" })).toEqual({
    screen: "decisions",
    params: { range: "6h", from: "", to: "", route: "/a", outcome: "denied" },
  });
});

test("polls the same path while a range until now moves, and fills in its start", () => {
  const path = reportPath("top-users", rangeOf({ range: "15m" }), { order: "denied" });
  expect(path).toBe("/api/v1/admin/reports/top-users?last=900&order=denied");
  expect(pathAt(path, NOON_MS)).toBe(
    "/api/v1/admin/reports/top-users?order=denied&from=2026-11-21T11%3A45%3A00.000Z",
  );
  expect(pathAt("/health", NOON_MS)).toBe("/health");
});

test("zooms to whole seconds, and to at least ten of them", () => {
  expect(zoomedTo(NOON_MS + 1_300, NOON_MS + 60_700)).toEqual({
    kind: "between",
    fromMs: NOON_MS + 1_000,
    toMs: NOON_MS + 61_000,
  });
  const tiny = zoomedTo(NOON_MS, NOON_MS + 2_000);
  expect(tiny).toEqual({ kind: "between", fromMs: NOON_MS - 4_000, toMs: NOON_MS + 6_000 });
});

test("zooms out around the centre, or to a range until now if that would reach beyond now", () => {
  const hourAgo = { kind: "between", fromMs: NOON_MS - 2 * HOUR_MS, toMs: NOON_MS - HOUR_MS } as const;
  expect(zoomedOut(hourAgo, NOON_MS + HOUR_MS)).toEqual({
    kind: "between",
    fromMs: NOON_MS - 3 * HOUR_MS,
    toMs: NOON_MS,
  });
  expect(zoomedOut(hourAgo, NOON_MS)).toMatchObject({ name: "6h" });
  expect(zoomedOut({ ...hourAgo, fromMs: NOON_MS - 96 * HOUR_MS }, NOON_MS)).toMatchObject({ name: "7d" });
  expect(zoomedOut(rangeOf({ range: "1h" }), NOON_MS)).toMatchObject({ name: "6h" });
  expect(zoomedOut(rangeOf({ range: "7d" }), NOON_MS)).toMatchObject({ name: "7d" });
});

test("knows which ranges a store of one day cannot cover", () => {
  const between = (hoursAgo: number, hours: number) =>
    ({
      kind: "between",
      fromMs: NOON_MS - hoursAgo * HOUR_MS,
      toMs: NOON_MS - (hoursAgo - hours) * HOUR_MS,
    }) as const;
  const known = [rangeOf({ range: "6h" }), between(23, 1)];
  const unknown = [rangeOf({ range: "24h" }), between(24, 1)];
  expect(known.map((range) => isWithinADay(range, NOON_MS))).toEqual([true, true]);
  expect(unknown.map((range) => isWithinADay(range, NOON_MS))).toEqual([false, false]);
});

const HEAD = {
  backend: "embedded",
  sampled: false,
  from: "2026-11-21T11:00:00Z",
  to: "2026-11-21T12:00:00Z",
  intervalSeconds: 60,
};

const RANKED = {
  account: "user:a/b",
  requests: 10,
  allowed: 6,
  denied: 4,
  turnedAway: 0,
  errors: 0,
  decided: 8,
  cost: 6,
  share: 0.5,
};

const REPORT = {
  ...HEAD,
  report: "timeseries",
  from: "2026-11-21T12:00:50Z",
  to: "2026-11-21T12:02:20Z",
  times: ["2026-11-21T12:00:00Z", "2026-11-21T12:01:00Z", "2026-11-21T12:02:00Z"],
  series: [
    { key: "denied", requests: [0, 60, 20], denied: [0, 60, 20], cost: [0, 0, 0] },
    { key: "turned_away", requests: [10, 0, 0], denied: [0, 0, 0], cost: [0, 0, 0] },
    { key: "allowed", requests: [10, 120, 40], denied: [0, 0, 0], cost: [10, 120, 40] },
  ],
};

test("draws requests per second, by the seconds of a step that lie in the period", () => {
  const traffic = parseTraffic(REPORT);
  const { lines, show } = trafficChart(traffic!, []);
  expect(lines.map(({ name, values }) => [name, values])).toEqual([
    ["Allowed", [1, 2, 2]],
    ["Denied", [0, 1, 1]],
    ["Turned away", [1, 0, 0]],
    ["Errors", [0, 0, 0]],
  ]);
  expect(show(0.5)).toBe("30/min");
  expect(trafficSummary(traffic!)).toBe(
    "260 requests: 65.4 % allowed, 30.8 % denied, 3.8 % turned away; at most 3/s.",
  );
  const requests = { allowed: [], denied: [], turned_away: [], error: [] };
  expect(trafficSummary({ ...traffic!, timesMs: [], requests })).toBe("No requests.");
});

test("rejects anything but traffic and rankings", () => {
  for (const strange of [null, {}, { ...REPORT, times: ["soon"] }, { ...REPORT, series: null }]) {
    expect(parseTraffic(strange)).toBeNull();
  }
  expect(parseUserRanking({ ...HEAD, report: "top-users", users: [{ ...RANKED, denied: "1" }] })).toBeNull();
  expect(parseRouteRanking({ ...HEAD, report: "top-users", users: [] })).toBeNull();
});

test("ranks users and routes, and links to users and addresses", () => {
  const ranking = parseUserRanking({ ...HEAD, report: "top-users", users: [RANKED] });
  expect(ranking?.users.map(({ account }) => account)).toEqual(["user:a/b"]);
  const routes = [{ ...RANKED, route: "r", latencyMs: { p50: 1, p95: 3, p99: 4 } }];
  const byRoute = parseRouteRanking({ ...HEAD, report: "top-routes", routes });
  expect(byRoute?.routes[0]?.latencyMs?.p95).toBe(3);
  expect(userAddress("user:a/b")).toEqual({ screen: "user", params: { id: "a/b" } });
  expect(userAddress("")).toBeNull();
  expect([subjectName("user:user:x"), subjectName("")]).toEqual(["user:x", "unknown"]);
});

test("marks when the policy changed, by whom and why", () => {
  const revision = {
    revision: 7,
    createdAt: "2026-11-21T12:00:00Z",
    actor: "ann",
    reason: "More room",
    restores: null,
  };
  expect(policyMarks({ revisions: [revision], cursor: null })).toEqual([
    {
      atMs: NOON_MS,
      label: "policy 7",
      short: "7",
      detail: "policy 7 by ann: More room",
      to: { screen: "policy", params: { revision: "7" } },
    },
  ]);
});
