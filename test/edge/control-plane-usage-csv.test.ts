/** Usage as CSV (RFC 4180): the same rows, and nothing that a spreadsheet would execute. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { userSubject } from "../../src/identity/authenticate.ts";
import { hurry, request, START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import type { Operator } from "../fixtures/control-operator.ts";
import { newCustomer, start } from "../fixtures/control-start.ts";
import { busyCustomer } from "../fixtures/control-usage.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(() => {
  startClock();
  hurry();
});
afterEach(stopClock);

describe("usage as CSV", () => {
  const csv = async (operator: Operator, path: string, accept?: string) => {
    const response = await operator.send(
      "GET",
      path,
      undefined,
      accept === undefined ? {} : { Accept: accept },
    );
    return {
      type: response.headers.get("Content-Type"),
      link: response.headers.get("Link"),
      text: await response.text(),
    };
  };

  it("contains the same rows", async () => {
    const started = await start();
    const { customer, tally } = await busyCustomer(started);
    const path = `/accounts/${customer.id}/usage?from=${new Date(START_MS).toISOString()}&granularity=month`;
    const rows = tally.rows("month", false);
    const lines = rows.map(
      ({ period, requests, cost, denied }) => `${period},${requests},${cost},${denied},\r\n`,
    );
    const answer = await csv(started.operator, `${path}&format=csv`);
    expect(answer).toEqual({
      type: "text/csv; charset=utf-8",
      link: null,
      text: ["period,requests,cost,denied,units\r\n", ...lines].join(""),
    });
    const byRoute = tally.rows("month", true).map(({ route }) => route);
    const { text } = await csv(started.operator, `${path}&format=csv&group=route`);
    expect(text.split("\r\n").slice(0, 1)).toEqual(["period,route,requests,cost,denied,units"]);
    expect(
      text
        .split("\r\n")
        .slice(1, -1)
        .map((line) => line.split(",")[1]),
    ).toEqual(byRoute);
  });

  it.each<[accept: string, isCsv: boolean]>([
    ["text/csv", true],
    ["Text/CSV; charset=utf-8", true],
    ["text/csv, application/json;q=0.5", true],
    ["application/json, text/csv;q=0.9", false],
    ["*/*", false],
    ["text/html,application/xhtml+xml,*/*;q=0.8", false],
    ["rubbish;;;", false],
  ])("is the response to Accept: %s: %s", async (accept, isCsv) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "asked" });
    const { type } = await csv(operator, "/accounts/asked/usage", accept);
    expect(type).toMatch(isCsv ? /^text\/csv/ : /^application\/json/);
    // The parameter takes precedence.
    expect((await csv(operator, "/accounts/asked/usage?format=json", accept)).type).toMatch(/json/);
    expect((await csv(operator, "/accounts/asked/usage?format=csv", accept)).type).toMatch(/csv/);
  });

  it("has a header even without rows, with the route if grouped by route", async () => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "idle" });
    expect((await csv(operator, "/accounts/idle/usage?format=csv")).text).toBe(
      "period,requests,cost,denied,units\r\n",
    );
    const byRoute = await csv(operator, "/accounts/idle/usage?format=csv&group=route");
    expect(byRoute.text).toBe("period,route,requests,cost,denied,units\r\n");
  });

  it("quotes where necessary, and no spreadsheet reads a route as a formula", async () => {
    const started = await start();
    const { operator } = started;
    const { id } = await newCustomer(started, "unlimited");
    const routes = [
      "=1+1",
      "+1",
      "-1+1",
      "@SUM(A1)",
      "\tx",
      "\rx",
      "GET,POST /x",
      'say "hi"',
      "a\nb",
      "/plain",
      "=1,2",
    ];
    const revision = await operator.revision();
    for (const route of routes) {
      await env.USER_LIMITER.getByName(userSubject(id)).decide([request({ revision, route })]);
    }
    const { text } = await csv(operator, `/accounts/${id}/usage?format=csv&group=route`);
    const fields = [
      `"'\rx"`,
      "'\tx",
      "'+1",
      "'-1+1",
      "'=1+1",
      `"'=1,2"`,
      "'@SUM(A1)",
      "/plain",
      `"GET,POST /x"`,
      `"a\nb"`,
      `"say ""hi"""`,
    ];
    const lines = text
      .slice(text.indexOf("\r\n") + 2)
      .split("2100-10-14T00:00:00Z,")
      .slice(1);
    expect(lines.map((line) => line.slice(0, line.lastIndexOf(",1,1,0"))).toSorted()).toEqual(
      fields.toSorted(),
    );
  });

  it("links the next page in the header Link, until the last one", async () => {
    const started = await start();
    const { customer, tally } = await busyCustomer(started);
    const from = new Date(START_MS).toISOString();
    const periods: string[] = [];
    let path: string | null =
      `/accounts/${customer.id}/usage?from=${from}&granularity=month&limit=2&format=csv`;
    while (path !== null) {
      const { text, link }: { text: string; link: string | null } = await csv(started.operator, path);
      const lines = text.split("\r\n").slice(1, -1);
      expect(lines.length).toBeLessThanOrEqual(2);
      periods.push(...lines.map((line) => line.split(",")[0] ?? ""));
      path =
        link === null
          ? null
          : (/^<\/api\/v1\/admin(.*)>; rel="next"$/.exec(link)?.[1] ?? expect.unreachable());
    }
    expect(periods).toEqual(tally.rows("month", false).map(({ period }) => period));
  });
});
