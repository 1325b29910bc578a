/** The decisions screen: its queries, and how it explains a decision. */
import { describe, expect, it, vi } from "vitest";
import { parseLog } from "../../dashboard/src/decisions/decision-guards.ts";
import {
  costText,
  passingOf,
  peekCommand,
  requestCommand,
  titleOf,
  upstreamText,
  whyText,
} from "../../dashboard/src/decisions/decision-text.ts";
import { collectCsv, MAX_CSV_PAGES } from "../../dashboard/src/decisions/csv-pages.ts";
import { labelOf, optionsOf, valueOptions } from "../../dashboard/src/shell/filter-options.ts";
import { levelsOf } from "../../dashboard/src/decisions/limit-levels.ts";
import {
  csvPath,
  decisionAddress,
  hasFilters,
  histogramPath,
  logPath,
  requestIdOf,
  requestPath,
  valuesOf,
} from "../../dashboard/src/decisions/log-query.ts";
import type { LoggedDecision } from "../../dashboard/src/shell/answers.ts";
import { subjectOf, userAddress } from "../../dashboard/src/shell/subject.ts";

const DENIED: LoggedDecision = {
  at: "2026-11-21T07:28:30.000Z",
  requestId: "r-1",
  account: "user:demo-free",
  route: "GET,HEAD /pets/:id",
  tier: "free",
  outcome: "denied",
  reason: "minute",
  source: "strict",
  method: "GET",
  colo: "",
  country: "",
  revision: 3,
  keyId: "k-1",
  upstreamStatus: "none",
  cost: 6,
  limiterMs: 1,
  upstreamMs: 0,
  remainingFraction: 0.004,
  retryAfterMs: 2_500,
  requests: 3,
  limits: "minute=0.4/100;month=31200/50000",
  upstreamCode: 0,
  otherRequestIds: "",
  shadowed: "",
  rule: "",
  units: "",
  weight: 1,
};

const PAGE = {
  report: "decisions",
  backend: "embedded",
  sampled: false,
  from: "2026-11-21T07:00:00.000Z",
  to: "2026-11-21T08:00:00.000Z",
  intervalSeconds: 60,
  cursor: null,
  notFound: null,
};

describe("a page of the log", () => {
  it("is accepted as a whole or not at all", () => {
    expect(parseLog({ ...PAGE, decisions: [DENIED] })?.decisions).toEqual([DENIED]);
    expect(parseLog({ ...PAGE, decisions: [{ ...DENIED, cost: "6" }] })).toBeNull();
    expect(parseLog({ ...PAGE, decisions: [{ ...DENIED, outcome: "maybe" }] })).toBeNull();
  });

  it("is queried by the filters in the URL, and by nothing else", () => {
    const path = new URL(
      logPath({ account: "user:a&b=c", outcome: "denied", rows: "20", cursor: "X", theme: "dark" }),
      "http://h",
    );
    expect(Object.fromEntries(path.searchParams)).toEqual({
      last: "3600",
      account: "user:a&b=c",
      outcome: "denied",
      limit: "20",
      cursor: "X",
    });
    expect(new URLSearchParams(logPath({ rows: "100000" })).get("limit")).toBe("50");
  });

  it("is exported as CSV from its newest line on, with the same filters", () => {
    const path = new URL(csvPath({ reason: "minute", cursor: "X", range: "24h" }), "http://h");
    expect(Object.fromEntries(path.searchParams)).toEqual({
      last: "86400",
      reason: "minute",
      limit: "1000",
      format: "csv",
    });
    expect([hasFilters({ reason: "minute" }), hasFilters({ cursor: "X", rows: "20" })]).toEqual([
      true,
      false,
    ]);
  });

  it("has a histogram of the same decisions", () => {
    const path = new URL(histogramPath({ reason: "minute", rows: "20", cursor: "X" }), "http://h");
    expect(path.pathname).toBe("/api/v1/admin/reports/timeseries");
    expect(Object.fromEntries(path.searchParams)).toEqual({ last: "3600", reason: "minute", by: "outcome" });
  });

  it("suggests for each filter what the other filters leave, the most frequent first, with names for people", () => {
    const path = new URL(valuesOf({ account: "user:a", method: "GET" }, "account"), "http://h");
    expect(Object.fromEntries(path.searchParams)).toEqual({
      last: "3600",
      method: "GET",
      by: "account",
      limit: "100",
    });
    const values = [
      { value: "user:bob", requests: 12, denied: 3 },
      { value: "", requests: 9, denied: 0 },
      { value: "ip:192.0.2.1", requests: 1, denied: 0 },
    ];
    expect(optionsOf({ ...PAGE, backend: "embedded", by: "account", values })).toEqual([
      { value: "user:bob", label: "bob", detail: "12, 3 denied" },
      { value: "ip:192.0.2.1", label: "ip:192.0.2.1", detail: "1" },
    ]);
    expect([
      labelOf("outcome", "turned_away"),
      labelOf("route", "constructor"),
      labelOf("shadowed", "hour;uploads"),
      labelOf("account", ""),
    ]).toEqual(["Turned away", "constructor", "hour, uploads", ""]);
  });

  it("takes an id without a prefix as a user's, and a subject as it is", () => {
    expect([" bob ", "user:bob", "ip:192.0.2.1", ""].map(subjectOf)).toEqual([
      "user:bob",
      "user:bob",
      "ip:192.0.2.1",
      "",
    ]);
  });
});

describe("the values of a filter", () => {
  /** The paths that were loaded while a viewer opened the filter and typed. */
  async function loadedFor(found: number): Promise<string[]> {
    const paths: string[] = [];
    vi.stubGlobal("fetch", async (path: string) => {
      paths.push(path);
      const values = Array.from({ length: found }, (_, i) => ({ value: `/r/${i}`, requests: 1, denied: 0 }));
      return Response.json({ ...PAGE, report: "values", by: "route", values });
    });
    try {
      const options = valueOptions("/api/v1/admin/reports/values?by=route");
      for (const typed of ["", "r", "r/ü"]) await options(typed);
    } finally {
      vi.unstubAllGlobals();
    }
    return paths;
  }

  it("are loaded once if they are all there", async () => {
    expect(await loadedFor(99)).toEqual(["/api/v1/admin/reports/values?by=route"]);
  });

  it("are searched for as the viewer types if there are more than were loaded", async () => {
    const path = "/api/v1/admin/reports/values?by=route";
    expect(await loadedFor(100)).toEqual([path, `${path}&search=r`, `${path}&search=r%2F%C3%BC`]);
  });
});

describe("a CSV file", () => {
  it("joins all pages under one header line", async () => {
    const pages: Record<string, { text: string; link: string | null }> = {
      "/1": { text: "at,id\r\n1,a\r\n", link: '</2>; rel="next"' },
      "/2": { text: 'at,id\r\n2,"b\r\nc"\r\n', link: null },
    };
    const counts: number[] = [];
    const file = await collectCsv(
      "/1",
      async (path) => pages[path]!,
      (count) => counts.push(count),
    );
    expect(file).toEqual({ text: 'at,id\r\n1,a\r\n2,"b\r\nc"\r\n', isComplete: true });
    expect(counts).toEqual([1, 2]);
  });

  it("ends after a bounded number of pages, and then says that it is not complete", async () => {
    const page = { text: "at\r\n1\r\n", link: '</again>; rel="next"' };
    const { text, isComplete } = await collectCsv(
      "/again",
      async () => page,
      () => undefined,
    );
    expect([text.split("\r\n").length - 2, isComplete]).toEqual([MAX_CSV_PAGES, false]);
  });
});

describe("a search by request id", () => {
  it("takes an id as it is pasted, with its header's name or quotes", () => {
    const pasted = [" c14-a9 ", "X-Request-Id: c14-a9", '"c14-a9",', "x-request-id:c14-a9\r"];
    expect(pasted.map(requestIdOf)).toEqual(["c14-a9", "c14-a9", "c14-a9", "c14-a9"]);
    expect(requestIdOf("  ")).toBe("");
  });

  it("searches around the time of a link, else the last day, or longer on demand", () => {
    const { params } = decisionAddress(DENIED);
    const linked = new URL(requestPath(params), "http://h").searchParams;
    expect(Object.fromEntries(linked)).toEqual({
      from: "2026-11-21T07:27:30.000Z",
      to: "2026-11-21T07:29:30.000Z",
      requestId: "r-1",
      limit: "100",
    });
    const last = (given: Record<string, string>) =>
      new URL(requestPath({ id: "r-1", ...given }), "http://h").searchParams.get("last");
    expect([last({}), last({ at: "yesterday" }), last({ days: "90" }), last({ days: "7" })]).toEqual([
      "86400",
      "86400",
      "7776000",
      "86400",
    ]);
  });
});

describe("a decision in words", () => {
  it("names the limit, what it had left, and the cost of one request", () => {
    expect(whyText(DENIED)).toBe("Limit “minute” had 0.4 of 100 tokens left, and the request costs 2.");
    expect(whyText({ ...DENIED, limits: "" })).toBe("Limit “minute” had less than 2 tokens left.");
    expect(whyText({ ...DENIED, reason: "uploads", limits: "uploads=0/5 slots" })).toBe(
      "All 5 slots of limit “uploads” were taken.",
    );
    expect(whyText({ ...DENIED, outcome: "allowed", reason: "shadow:hour", shadowed: "hour;uploads" })).toBe(
      "All that is enforced let it pass. In shadow, it would have been denied by hour, uploads.",
    );
    expect(whyText({ ...DENIED, outcome: "turned_away", reason: "blocked" })).toBe("The account is blocked.");
    expect(whyText({ ...DENIED, reason: "too_odd", source: "none" })).toBe("too_odd");
    // A limit can have the name of a property that every object has.
    expect(whyText({ ...DENIED, reason: "constructor", retryAfterMs: 0 })).toContain("“constructor”");
  });

  it("says what would have passed: when, at which cost, or after which change", () => {
    expect(passingOf(DENIED)).toEqual({
      atMs: Date.parse("2026-11-21T07:28:32.500Z"),
      same: "2.5 s later, if nothing else spends.",
      atOnce: "At once, at a cost of at most 0.4 tokens.",
    });
    expect(passingOf({ ...DENIED, limits: "minute=0/100" })?.atOnce).toBe(
      "At once, at no cost: nothing was left.",
    );
    const never = passingOf({ ...DENIED, cost: 600, retryAfterMs: 0 });
    expect(never).toMatchObject({ atMs: null, same: "Never: it costs more than the limit can hold." });
    // Without a free slot, a lower cost does not help.
    const slots = { limits: "minute=9/100;uploads=0/5 slots", retryAfterMs: 1_000 };
    expect(passingOf({ ...DENIED, ...slots })?.atOnce).toBeNull();
    const revoked = passingOf({ ...DENIED, outcome: "turned_away", reason: "revoked" });
    expect(revoked).toEqual({ atMs: null, same: "With a key that is in force.", atOnce: null });
    expect(passingOf({ ...DENIED, outcome: "allowed", reason: "ok" })).toBeNull();
  });

  it("shows each limit before and after: what was charged is the difference, and a denial charges nothing", () => {
    const limits = "minute=97.5/100;uploads=3/5 slots";
    const after = [
      { name: "minute", unit: "tokens", isSlots: false, limit: 100, after: 97.5, cost: 2 },
      { name: "uploads", unit: "slots", isSlots: true, limit: 5, after: 3, cost: 1 },
    ] as const;
    const withBefore = (before: readonly number[]) => ({
      kind: "levels",
      levels: after.map((level, i) => Object.assign({ before: before[i] }, level)),
    });
    expect(levelsOf({ ...DENIED, limits })).toEqual(withBefore([97.5, 3]));
    expect(levelsOf({ ...DENIED, limits, outcome: "allowed", reason: "ok" })).toEqual(withBefore([99.5, 4]));
    const failed = { outcome: "error", reason: "upstream_timeout" } as const;
    expect(levelsOf({ ...DENIED, ...failed, limits })).toEqual(withBefore([99.5, 4]));
  });

  it("shows each limit and the cost in their units", () => {
    const decision = { ...DENIED, units: "rows=3;tokens=12000", limits: "rpm=1/3;tpm=6000/10000 of tokens" };
    const charged = { ...decision, outcome: "allowed", reason: "ok" } as const;
    expect(levelsOf(charged)).toMatchObject({
      levels: [
        { name: "rpm", unit: "requests", before: 3, after: 1, cost: 2 },
        { name: "tpm", unit: "tokens", before: 10_000, after: 6_000, cost: 4_000 },
      ],
    });
    expect(costText(charged)).toBe("6 requests, 3 rows, 12,000 tokens, charged");
    expect(whyText({ ...decision, reason: "tpm", limits: "rpm=1/3;tpm=3999/10000 of tokens" })).toBe(
      "Limit “tpm” had 3,999 of 10,000 tokens left, and the request costs 4,000.",
    );
    const tooDear = { ...decision, reason: "tpm", limits: "tpm=100/3999 of tokens", retryAfterMs: 0 };
    expect(passingOf(tooDear)?.same).toContain("Never");
    expect(peekCommand({ ...decision, route: "" }, "https://h")).toContain(
      '"cost":{"requests":2,"rows":1,"tokens":4000}',
    );
  });

  it("does not invent limits that the log lacks", () => {
    expect(levelsOf({ ...DENIED, limits: "" })).toEqual({ kind: "unknown" });
    expect(levelsOf({ ...DENIED, limits: "none" })).toEqual({ kind: "none" });
    expect(levelsOf({ ...DENIED, limits: "minute=x/3;odd" })).toEqual({ kind: "levels", levels: [] });
  });

  it("has a heading that names the request, its user and the limit", () => {
    expect(titleOf(DENIED)).toBe("GET /pets/:id by demo-free: limit “minute”");
    expect(titleOf({ ...DENIED, account: "", route: "", outcome: "turned_away", source: "none" })).toBe(
      "GET without a route",
    );
  });

  it("shows the upstream's exact status, or its class if an older version recorded it", () => {
    expect(upstreamText(DENIED)).toBe("–");
    expect(upstreamText({ upstreamStatus: "5xx", upstreamCode: 503 })).toBe("503");
    expect(upstreamText({ upstreamStatus: "5xx", upstreamCode: 0 })).toBe("5xx");
  });

  it("says whether it was charged, also if the upstream failed after the limits admitted it", () => {
    expect(costText(DENIED)).toBe("6 tokens, not charged");
    expect(costText({ ...DENIED, cost: 1, outcome: "error", reason: "upstream_timeout" })).toBe(
      "1 token, charged",
    );
    expect(costText({ ...DENIED, outcome: "error", reason: "limiter_unavailable" })).toContain("not charged");
  });

  it("can be repeated with a command that a shell accepts as it is", () => {
    expect(requestCommand(DENIED, "https://h")).toBe(
      "curl -i -X GET -H 'X-API-Key: YOUR_KEY' 'https://h/pets/:id'",
    );
    expect(requestCommand({ ...DENIED, route: "/it's", keyId: "" }, "https://h")).toBe(
      "curl -i -X GET 'https://h/it'\\''s'",
    );
    // A service checked a cost: no request was sent to a path.
    expect(requestCommand({ ...DENIED, route: "" }, "https://h")).toBeNull();
    expect(titleOf({ ...DENIED, route: "" })).toBe("Check by demo-free: limit “minute”");
    const peek = peekCommand({ ...DENIED, account: "user:o'neill" }, "https://h");
    expect(peek).toContain(`-d '{"user":"o'\\''neill","route":"GET,HEAD /pets/:id","peek":true}'`);
    expect(peekCommand({ ...DENIED, route: "" }, "https://h")).toContain('"cost":2');
    expect(peekCommand({ ...DENIED, account: "ip:192.0.2.1" }, "https://h")).toBeNull();
  });

  it("links to the user or to the address, and to nothing for an unknown caller", () => {
    expect(userAddress("user:a/b?#%")?.params).toEqual({ id: "a/b?#%" });
    expect(userAddress("ip:192.0.2.1")?.params).toEqual({ subject: "ip:192.0.2.1" });
    expect(userAddress("")).toBeNull();
  });
});
