/** Reports over HTTP: access, rejected parameters, the back end that answers, and the log as CSV. */
import { missingValue } from "../../src/analytics/point.ts";
import { UNIT_COLUMNS } from "../../src/analytics/point-fields.ts";
import { fieldName, LOG_FIELDS, unitName } from "../../src/analytics/reports/engine-sql.ts";
import { afterEach, describe, expect, it, vi } from "vitest";
import { admin, createAccount, customer, issueKey, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, type EdgeOptions, startEdge } from "../fixtures/edge-app.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const ENGINE = {
  ANALYTICS: "both",
  ANALYTICS_ACCOUNT_ID: "0123456789abcdef0123456789abcdef",
  ANALYTICS_API_TOKEN: "s3cret",
  ANALYTICS_API_URL: "http://127.0.0.1:1",
};

/** An edge with variables other than those in wrangler.toml. */
function edgeWith(variables: Readonly<Record<string, string>>, options: EdgeOptions = {}): Promise<Edge> {
  return startEdge({ ...options, bindings: variables });
}

afterEach(() => vi.restoreAllMocks());

/** Analytics Engine with one answer to any query. */
function answering(answer: () => Response) {
  return vi.spyOn(globalThis, "fetch").mockImplementation(async () => answer());
}

describe("a report", () => {
  it("requires an administrator", async () => {
    const edge = await startEdge();
    const response = await edge.request("/api/v1/admin/reports/overview");
    expect(await problemOf(response)).toMatchObject({ status: 401 });
  });

  it.each([
    ["/reports/nothing", 404, "not_found"],
    ["/reports/overview?from=yesterday", 400, "invalid_request"],
    ["/reports/overview?what=1", 400, "invalid_request"],
    ["/reports/user", 400, "invalid_request"],
    ["/reports/tiers?format=csv", 400, "invalid_request"],
    ["/reports/tiers?requestId=x", 400, "invalid_request"],
    ["/reports/decisions?requestId=", 400, "invalid_request"],
    ["/reports/timeseries?by=account", 400, "invalid_request"],
  ])("%s is rejected with %i", async (path, status, code) => {
    const edge = await startEdge();
    expect(await problemOf(await admin(edge, "GET", path))).toMatchObject({ status, code });
  });

  it("comes from the hub by default, and contains the account's own requests", async () => {
    const edge = await startEdge();
    // Of this account alone: all tests share the hub.
    const address = newAddress();
    await edge.request("/free", { headers: address });
    await edge.backgroundDone();
    const subject = `ip:${address["CF-Connecting-IP"]}`;
    const response = await admin(edge, "GET", `/reports/user?account=${subject}`);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await response.json()).toMatchObject({ backend: "embedded", totals: { requests: 1 } });
  });

  it("counts a rejection as denied only if a limit denied it, and times only what was decided", async () => {
    const edge = await startEdge();
    const address = newAddress();
    const subject = `ip:${address["CF-Connecting-IP"]}`;
    // Three allowed, two denied, one exempt, and twenty without a credential.
    for (let i = 0; i < 5; i++) await edge.request("/identify", { headers: address });
    await edge.request("/free/x", { headers: address });
    for (let i = 0; i < 20; i++) await edge.request("/private", { headers: address });
    await edge.backgroundDone();
    const response = await admin(edge, "GET", `/reports/user?account=${subject}`);
    expect(await response.json()).toMatchObject({
      totals: { requests: 26, allowed: 4, denied: 2, turnedAway: 20, errors: 0, decided: 5 },
      reasons: [{ reason: "minute", denied: 2, share: 1 }],
    });
    const log = await admin(edge, "GET", `/reports/decisions?account=${subject}&outcome=turned_away`);
    const { decisions }: { decisions: { outcome: string; reason: string }[] } = await log.json();
    expect(decisions).toHaveLength(20);
    expect(decisions[0]).toMatchObject({ outcome: "turned_away", reason: "unauthenticated" });
    const users = await admin(edge, "GET", "/reports/top-users?limit=1000");
    const { users: ranked }: { users: { account: string }[] } = await users.json();
    expect(ranked.map(({ account }) => account)).not.toContain("");
  });

  it("ends now if its range reaches into the future, and its rate covers the time that has passed", async () => {
    const edge = await startEdge();
    const address = newAddress();
    await edge.request("/free", { headers: address });
    await edge.backgroundDone();
    const nowMs = Date.now();
    const from = new Date(nowMs - 600_000).toISOString();
    const to = new Date(nowMs + 86_400_000).toISOString();
    const account = `ip:${address["CF-Connecting-IP"]}`;
    const query = new URLSearchParams({ from, to, account });
    const answer: { to: string; current: { perSecond: number; coveredSeconds: number } } = await (
      await admin(edge, "GET", `/reports/overview?${query}`)
    ).json();
    expect(Math.abs(Date.parse(answer.to) - nowMs)).toBeLessThan(60_000);
    expect(answer.current.coveredSeconds).toBeLessThan(700);
    expect(answer.current.perSecond).toBeCloseTo(1 / answer.current.coveredSeconds, 6);
    const chart: { times: string[] } = await (
      await admin(edge, "GET", `/reports/timeseries?${query}`)
    ).json();
    expect(Date.parse(chart.times.at(-1) ?? "")).toBeLessThan(nowMs + 60_000);
  });

  it("finds a user by id and by subject: report, log and CSV", async () => {
    const edge = await startEdge();
    const id = await createAccount(edge);
    const { key } = await issueKey(edge, id);
    await edge.request("/identify", { headers: { "X-API-Key": key } });
    await edge.backgroundDone();
    for (const account of [id, `user:${id}`]) {
      const report = await admin(edge, "GET", `/reports/user?account=${account}`);
      expect(await report.json()).toMatchObject({ account: `user:${id}`, totals: { requests: 1 } });
      const log = await admin(edge, "GET", `/reports/decisions?account=${account}`);
      expect(await log.json()).toMatchObject({ decisions: [{ account: `user:${id}` }] });
      const csv = await admin(edge, "GET", `/reports/decisions?account=${account}&format=csv`);
      expect((await csv.text()).split("\r\n")).toHaveLength(3);
    }
  });

  it("finds a denied request by the X-Request-Id of its response, with what was left of each limit", async () => {
    const edge = await startEdge();
    const address = newAddress();
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await edge.request("/identify", { headers: address }));
    await edge.backgroundDone();
    const requestId = answers.at(-1)?.headers.get("X-Request-Id");
    const response = await admin(edge, "GET", `/reports/decisions?requestId=${requestId}`);
    const { decisions, notFound }: { decisions: { limits: string }[]; notFound: unknown } =
      await response.json();
    expect(decisions).toMatchObject([
      { requestId, outcome: "denied", reason: "minute", source: "strict", upstreamCode: 0 },
    ]);
    expect(decisions[0]?.limits).toMatch(/^minute=0(\.\d+)?\/3$/);
    expect(notFound).toBeNull();
  });

  it("finds each of many equal requests of one moment by its X-Request-Id", async () => {
    const edge = await startEdge();
    const address = newAddress();
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => edge.request("/free/a", { headers: address })),
    );
    await edge.backgroundDone();
    let mostMerged = 0;
    for (const { headers } of answers.filter((_, i) => i % 10 < 2)) {
      const response = await admin(
        edge,
        "GET",
        `/reports/decisions?requestId=${headers.get("X-Request-Id")}`,
      );
      const { decisions }: { decisions: { reason: string; requests: number }[] } = await response.json();
      expect(decisions).toMatchObject([{ reason: "exempt" }]);
      mostMerged = Math.max(mostMerged, decisions[0]?.requests ?? 0);
    }
    expect(mostMerged).toBeGreaterThan(1);
  });

  it("finds all decisions of a batch by the X-Request-Id of its response", async () => {
    const edge = await startEdge();
    const { headers } = await customer(edge, { scopes: ["check"] });
    const users = [newUser(), newUser()];
    const batch = await edge.request("/api/v1/rate-limit/check/batch", {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify(users.map((user) => ({ user, cost: 1 }))),
    });
    expect(batch.status).toBe(200);
    await edge.backgroundDone();
    const requestId = batch.headers.get("X-Request-Id");
    const response = await admin(edge, "GET", `/reports/decisions?requestId=${requestId}`);
    const { decisions }: { decisions: { account: string }[] } = await response.json();
    const accounts = users.map((user) => `user:${user}`);
    expect(decisions.map(({ account }) => account).toSorted()).toEqual(accounts.toSorted());
  });

  it("says why the log may lack a request id that it does not have", async () => {
    const edge = await startEdge();
    const response = await admin(edge, "GET", "/reports/decisions?requestId=no-such-id");
    expect(await response.json()).toMatchObject({
      decisions: [],
      notFound: { logBegins: expect.any(String), detail: expect.stringContaining("not recorded") },
    });
  });

  it("lists the values of a field to filter by", async () => {
    const edge = await startEdge();
    const address = newAddress();
    await edge.request("/free", { headers: address });
    await edge.backgroundDone();
    const account = `ip:${address["CF-Connecting-IP"]}`;
    const response = await admin(edge, "GET", `/reports/values?by=method&account=${account}`);
    expect(await response.json()).toMatchObject({
      by: "method",
      values: [{ value: "GET", requests: 1, denied: 0 }],
    });
  });

  it("comes from Analytics Engine if a token may read it, and the token is sent nowhere else", async () => {
    const fetched = answering(() => Response.json({ data: [] }));
    const edge = await edgeWith(ENGINE);
    const response = await admin(edge, "GET", "/reports/tiers");
    expect(await response.json()).toMatchObject({ report: "tiers", backend: "engine", tiers: [] });
    expect(String(fetched.mock.calls[0]?.[0])).toBe(
      "http://127.0.0.1:1/accounts/0123456789abcdef0123456789abcdef/analytics_engine/sql",
    );
    expect(JSON.stringify(fetched.mock.calls.map(([, init]) => init?.body))).not.toContain("s3cret");
  });

  it("comes from the hub if decisions are recorded only there, whatever token is configured", async () => {
    const fetched = answering(() => Response.json({ data: [] }));
    const edge = await edgeWith({ ...ENGINE, ANALYTICS: "embedded" });
    expect(await (await admin(edge, "GET", "/reports/tiers")).json()).toMatchObject({ backend: "embedded" });
    expect(fetched).not.toHaveBeenCalled();
  });

  it("names the missing settings if decisions are in Analytics Engine and no token may read it", async () => {
    const edge = await edgeWith({ ANALYTICS: "engine" });
    const problem = await problemOf(await admin(edge, "GET", "/reports/tiers"));
    expect(problem).toMatchObject({ status: 503, code: "not_configured" });
  });

  it("is 503 if Analytics Engine rejects the query, and reveals neither the token nor the answer", async () => {
    answering(() => new Response("no such token: s3cret", { status: 403 }));
    const response = await admin(await edgeWith(ENGINE), "GET", "/reports/tiers");
    const shown = await response.clone().text();
    expect(await problemOf(response)).toMatchObject({ status: 503, code: "temporary_reduced_capacity" });
    expect(shown).not.toContain("s3cret");
  });
});

it("the log as CSV contains no formulas and no broken lines, and links its next page", async () => {
  const row = {
    ...Object.fromEntries(LOG_FIELDS.map((name) => [fieldName(name), missingValue(name)])),
    ...Object.fromEntries(UNIT_COLUMNS.map((_column, i) => [unitName(i), 0])),
    at_s: 1_764_000_000,
    n_most: 1,
    f_account: '=HYPERLINK("x")',
    f_route: "a,b\r\nc",
    f_tier: "free",
    f_outcome: "denied",
    f_reason: "minute",
    f_source: "strict",
    f_method: "GET",
    f_colo: "",
    f_country: "",
    f_revision: "3",
    f_keyId: "",
    f_upstreamStatus: "none",
    f_requestId: "id",
    f_cost: 1,
    f_limiterMs: 1,
    f_upstreamMs: 0,
    f_remainingFraction: 0,
    f_retryAfterMs: 10,
    f_requests: 1,
  };
  answering(() => Response.json({ data: [row, row] }));
  const edge = await edgeWith(ENGINE);
  const response = await edge.request("/api/v1/admin/reports/decisions?limit=1", {
    headers: { ...newAddress(), Authorization: "Bearer admin-token-of-the-tests", Accept: "text/csv" },
  });
  expect(response.headers.get("Content-Type")).toBe("text/csv; charset=utf-8");
  const [, cursor = ""] =
    /cursor=([A-Za-z0-9_-]+)>; rel="next"$/.exec(response.headers.get("Link") ?? "") ?? [];
  expect((await response.text()).split("\r\n").slice(1).join("\r\n")).toBe(
    '2025-11-24T16:00:00.000Z,id,"\'=HYPERLINK(""x"")","a,b\r\nc",free,denied,minute,strict,GET,,,3,,none,1,1,0,0,10,1,,0,,,,,1\r\n',
  );
  const next = await admin(edge, "GET", `/reports/decisions?limit=1&cursor=${cursor}`);
  expect(next.status).toBe(200);
});
