/** What an account has used, as it is billed: every admitted request once, by hour, day, month and route, as JSON and as CSV. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { userSubject } from "../../src/identity/authenticate.ts";
import { HOUR_MS, later, request, START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import { UserObject } from "../durable-objects/user-object.ts";
import type { Answers, Operator } from "../fixtures/control-operator.ts";
import { type Customer, newCustomer, start, type Started } from "../fixtures/control-start.ts";

beforeEach(startClock);
afterEach(stopClock);

type Row = Answers["usage"]["usage"][number];

/** What the rows should be, counted from what the customer was answered. */
class Tally {
  readonly #cells: {
    readonly atMs: number;
    readonly route: string;
    readonly allowed: boolean;
    readonly cost: number;
  }[] = [];

  /** A denial that the edge repeats from memory never reaches the account: it is in no ledger, and costs nobody anything. */
  note(route: string, allowed: boolean, cost: number, source: string): void {
    if (source !== "deny-cache") this.#cells.push({ atMs: Date.now(), route, allowed, cost });
  }

  rows(granularity: "hour" | "day" | "month", byRoute: boolean): Row[] {
    const cut = { hour: 13, day: 10, month: 7 }[granularity];
    const rest = "2000-01-01T00:00:00Z".slice(cut);
    const rows = new Map<string, Row>();
    for (const { atMs, route, allowed, cost } of this.#cells) {
      const period = `${new Date(atMs).toISOString().slice(0, cut)}${rest}`;
      const name = byRoute ? `${period} ${route}` : period;
      const row = rows.get(name) ?? {
        period,
        ...(byRoute ? { route } : {}),
        requests: 0,
        cost: 0,
        denied: 0,
      };
      rows.set(name, {
        ...row,
        requests: row.requests + (allowed ? 1 : 0),
        cost: Math.round((row.cost + (allowed ? cost : 0)) * 1_000) / 1_000,
        denied: row.denied + (allowed ? 0 : 1),
      });
    }
    return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }
}

/** Costs of the routes by their match; "" is a check that names a cost and no route. */
const COSTS: Readonly<Record<string, number>> = { "": 0.125, "/compare": 2, "/identify": 1, "/refresh": 1 };

/** Four months of requests, some denied, with pauses, evictions and hours of many kinds; the last hour is still open. */
async function busyCustomer(started: Started): Promise<{ customer: Customer; tally: Tally }> {
  const { edge, operator } = started;
  const customer = await newCustomer(started, "pro");
  const checker = await operator.issueKey(customer.id, { scopes: ["check"] });
  const tally = new Tally();
  const routes = Object.keys(COSTS);
  for (let n = 0; n < 150; n++) {
    const route = routes[(n * n + Math.floor(n / 3)) % 4] ?? "";
    const cost = COSTS[route] ?? 0;
    if (route === "") {
      const body = JSON.stringify({ user: customer.id, cost });
      const headers = { "X-API-Key": checker.key };
      const answer = await edge.request("/api/v1/rate-limit/check", { method: "POST", headers, body });
      const { allowed, source }: { allowed: boolean; source: string } = await answer.json();
      tally.note(route, allowed, cost, source);
    } else {
      const { status, headers } = await edge.request(route, { headers: customer.headers });
      const [, source = ""] = /desc="([a-z-]+)"/.exec(headers.get("Server-Timing") ?? "") ?? [];
      tally.note(route, status === 200, cost, source);
    }
    if (n % 5 === 0) later(7 * HOUR_MS + 1_234_567);
    if (n % 31 === 0) later(9 * 24 * HOUR_MS);
    if (n % 40 === 39) {
      const object = new UserObject(0, userSubject(customer.id));
      await object.pause();
      await object.evict();
    }
  }
  return { customer, tally };
}

const usageOf = async (operator: Operator, id: string, query: string): Promise<Row[]> => {
  const from = new Date(START_MS).toISOString();
  const pages = await operator.pages("usage", `/accounts/${id}/usage?from=${from}&${query}`);
  return pages.flatMap(({ usage }) => usage);
};

describe("usage", () => {
  it("equals what was admitted, by hour, day and month, in all and by route, on any page size", async () => {
    const started = await start();
    const { customer, tally } = await busyCustomer(started);
    const { operator } = started;
    for (const granularity of ["hour", "day", "month"] as const) {
      const all = tally.rows(granularity, false);
      const byRoute = tally.rows(granularity, true);
      const query = `granularity=${granularity}`;
      expect(await usageOf(operator, customer.id, query)).toEqual(all);
      expect(await usageOf(operator, customer.id, `${query}&limit=7`)).toEqual(all);
      expect(await usageOf(operator, customer.id, `${query}&group=route`)).toEqual(byRoute);
      expect(await usageOf(operator, customer.id, `${query}&group=route&limit=3`)).toEqual(byRoute);
    }
    // The mix has what it is to have: months, denials, fractions, an open hour.
    const months = tally.rows("month", false);
    expect(months.length).toBeGreaterThan(2);
    expect(months.some(({ denied }) => denied > 0)).toBe(true);
    expect(months.some(({ cost }) => cost % 1 !== 0)).toBe(true);
    const open = await operator.get("usage", `/accounts/${customer.id}/usage?granularity=hour`);
    expect(open.usage.at(-1)).toEqual(tally.rows("hour", false).at(-1));
  }, 30_000);

  it("is of the hours that lie between from and to, whole, and says which these are", async () => {
    const started = await start();
    const { operator } = started;
    const { id, call } = await newCustomer(started, "pro");
    // One request in the first hour of November, two in the second, and so on.
    vi.setSystemTime(Date.UTC(2100, 10, 1));
    for (let hour = 1; hour <= 4; hour++) {
      await call(hour);
      later(HOUR_MS);
    }
    const requests = async (query: string) => {
      const { usage, from, to } = await operator.get(
        "usage",
        `/accounts/${id}/usage?granularity=hour&${query}`,
      );
      return [from.slice(5, 16), to.slice(5, 16), ...usage.map((row) => row.requests)];
    };
    const day = "2100-11-01";
    expect(await requests("")).toEqual(["11-01T00:00", "11-01T05:00", 1, 2, 3, 4]);
    expect(await requests(`from=${day}T01:00:00Z&to=${day}T03:00:00Z`)).toEqual([
      "11-01T01:00",
      "11-01T03:00",
      2,
      3,
    ]);
    expect(await requests(`from=${day}T01:59:59.999Z&to=${day}T02:00:00.001Z`)).toEqual([
      "11-01T01:00",
      "11-01T03:00",
      2,
      3,
    ]);
    expect(await requests(`from=${day}T02:00:00Z`)).toEqual(["11-01T02:00", "11-01T05:00", 3, 4]);
    expect(await requests(`from=2100-10-31&to=${day}`)).toEqual(["10-31T00:00", "11-01T00:00"]);
    // Up to a month's end, with no beginning: that month.
    expect(await requests("to=2100-12-01")).toEqual(["11-01T00:00", "12-01T00:00", 1, 2, 3, 4]);
    expect(await requests(`from=0001-01-01&to=9999-12-31`)).toEqual([
      "01-01T00:00",
      "12-31T00:00",
      1,
      2,
      3,
      4,
    ]);
  });

  it.each<[query: string, refusal: string]>([
    ["from=2100-10-02&to=2100-10-02", "400 /from"],
    ["from=2100-10-03&to=2100-10-02", "400 /from"],
    ["from=2101-01-01", "400 /from"],
    ["from=yesterday", "400 /from"],
    ["from=1700000000", "400 /from"],
    ["from=2100-02-30", "400 /from"],
    ["from=2100-10-01T00:00:00", "400 /from"],
    ["from=2100-10-01T00:00:00%2B01:00", "400 /from"],
    ["to=", "400 /to"],
    ["granularity=week", "400 /granularity"],
    ["group=key", "400 /group"],
    ["format=xml", "400 /format"],
    ["limit=1001", "400 /limit"],
    ["limit=0", "400 /limit"],
    ["cursor=AAAA", "400 /cursor"],
    ["cursor=LTE", "400 /cursor"],
    ["order=desc", "400 /order"],
  ])("is refused by %s", async (query, refusal) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "asked" });
    expect(await operator.refusal("GET", `/accounts/asked/usage?${query}`)).toBe(refusal);
  });

  it("is none for an account that has used nothing, and 404 for an id that nobody has", async () => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "idle" });
    expect(await operator.get("usage", "/accounts/idle/usage")).toMatchObject({
      account: "idle",
      usage: [],
      cursor: null,
    });
    expect(await operator.refusal("GET", "/accounts/ilde/usage")).toBe("404");
    expect(await operator.refusal("GET", "/accounts/ilde/usage?format=csv")).toBe("404");
  });

  it("is there for a user without an account as well: what a service asked about is metered", async () => {
    const started = await start();
    const { edge, operator } = started;
    const service = await newCustomer(started);
    const { key } = await operator.issueKey(service.id, { scopes: ["check"] });
    const body = JSON.stringify({ user: "stranger", cost: 3 });
    await edge.request("/api/v1/rate-limit/check", { method: "POST", headers: { "X-API-Key": key }, body });
    expect((await operator.get("usage", "/accounts/stranger/usage")).usage).toMatchObject([
      { requests: 1, cost: 3 },
    ]);
  });
});

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

  it("is the same rows", async () => {
    const started = await start();
    const { customer, tally } = await busyCustomer(started);
    const path = `/accounts/${customer.id}/usage?from=${new Date(START_MS).toISOString()}&granularity=month`;
    const rows = tally.rows("month", false);
    const lines = rows.map(
      ({ period, requests, cost, denied }) => `${period},${requests},${cost},${denied}\r\n`,
    );
    const answer = await csv(started.operator, `${path}&format=csv`);
    expect(answer).toEqual({
      type: "text/csv; charset=utf-8",
      link: null,
      text: ["period,requests,cost,denied\r\n", ...lines].join(""),
    });
    const byRoute = tally.rows("month", true).map(({ route }) => route);
    const { text } = await csv(started.operator, `${path}&format=csv&group=route`);
    expect(text.split("\r\n").slice(0, 1)).toEqual(["period,route,requests,cost,denied"]);
    expect(
      text
        .split("\r\n")
        .slice(1, -1)
        .map((line) => line.split(",")[1]),
    ).toEqual(byRoute);
  }, 30_000);

  it.each<[accept: string, isCsv: boolean]>([
    ["text/csv", true],
    ["Text/CSV; charset=utf-8", true],
    ["text/csv, application/json;q=0.5", true],
    ["application/json, text/csv;q=0.9", false],
    ["*/*", false],
    ["text/html,application/xhtml+xml,*/*;q=0.8", false],
    ["rubbish;;;", false],
  ])("is what Accept: %s gets: %s", async (accept, isCsv) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "asked" });
    const { type } = await csv(operator, "/accounts/asked/usage", accept);
    expect(type).toMatch(isCsv ? /^text\/csv/ : /^application\/json/);
    // The parameter comes first.
    expect((await csv(operator, "/accounts/asked/usage?format=json", accept)).type).toMatch(/json/);
    expect((await csv(operator, "/accounts/asked/usage?format=csv", accept)).type).toMatch(/csv/);
  });

  it("has a header also where there are no rows, with the route where routes were asked for", async () => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "idle" });
    expect((await csv(operator, "/accounts/idle/usage?format=csv")).text).toBe(
      "period,requests,cost,denied\r\n",
    );
    const byRoute = await csv(operator, "/accounts/idle/usage?format=csv&group=route");
    expect(byRoute.text).toBe("period,route,requests,cost,denied\r\n");
  });

  it("quotes what needs it, and no spreadsheet takes a route for a formula", async () => {
    const started = await start();
    const { operator } = started;
    const { id } = await newCustomer(started, "unlimited");
    const routes = [
      "=1+1",
      "+1",
      "-1",
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
      "'-1",
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

  it("is paged: the next page is in the Link header, until there is none", async () => {
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
  }, 30_000);
});
