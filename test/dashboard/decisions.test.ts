/** The decisions screen: its queries, and how it explains a decision. */
import { describe, expect, it } from "vitest";
import { parseLog } from "../../dashboard/src/decisions/decision-guards.ts";
import {
  costText,
  leftText,
  peekCommand,
  requestCommand,
  whyText,
} from "../../dashboard/src/decisions/decision-text.ts";
import { csvPath, hasFilters, logPath } from "../../dashboard/src/decisions/log-query.ts";
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

  it("takes an id without a prefix as a user's, and a subject as it is", () => {
    expect([" bob ", "user:bob", "ip:192.0.2.1", ""].map(subjectOf)).toEqual([
      "user:bob",
      "user:bob",
      "ip:192.0.2.1",
      "",
    ]);
  });
});

describe("a decision in words", () => {
  it("names the limit, the cost of one request, and when it succeeds", () => {
    expect(whyText(DENIED)).toBe(
      "Limit “minute” had less than 2 tokens left. The same request succeeds after 2.5 s if nothing else spends.",
    );
    expect(whyText({ ...DENIED, outcome: "turned_away", reason: "blocked" })).toBe("The account is blocked.");
    expect(whyText({ ...DENIED, reason: "too_odd", source: "none" })).toBe("too_odd");
    // A limit can have the name of a property that every object has.
    expect(whyText({ ...DENIED, reason: "constructor", retryAfterMs: 0 })).toContain("“constructor”");
  });

  it("says whether it was charged, also if the upstream failed after the limits admitted it", () => {
    expect(costText(DENIED)).toBe("6 tokens, not charged");
    expect(costText({ ...DENIED, cost: 1, outcome: "error", reason: "upstream_timeout" })).toBe(
      "1 token, charged",
    );
    expect(costText({ ...DENIED, outcome: "error", reason: "limiter_unavailable" })).toContain("not charged");
  });

  it("does not invent what the log lacks", () => {
    expect(leftText({ ...DENIED, outcome: "allowed" })).toContain("the level before is not recorded");
    expect(leftText({ ...DENIED, source: "none" })).toBe("no limit was checked");
  });

  it("can be repeated with a command that a shell accepts as it is", () => {
    expect(requestCommand(DENIED, "https://h")).toBe(
      "curl -i -X GET -H 'X-API-Key: YOUR_KEY' 'https://h/pets/:id'",
    );
    expect(requestCommand({ ...DENIED, route: "/it's", keyId: "" }, "https://h")).toBe(
      "curl -i -X GET 'https://h/it'\\''s'",
    );
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
