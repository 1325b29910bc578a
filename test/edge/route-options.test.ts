/** Options of routes: whose the credential is, when the route ends; and preflights and traces, which pass through. */
import { describe, expect, it, vi } from "vitest";
import { generateApiKey } from "../../src/identity/api-key.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { RouteDocument } from "../../src/policy/schema.ts";
import { inSpan, spanOf, traceIdOf } from "../../src/gateway/spans.ts";
import { customer, newAddress } from "../fixtures/edge-account.ts";
import { startEdge, type EdgeOptions } from "../fixtures/edge-app.ts";
import { policyWith, THREE_A_MINUTE } from "../fixtures/edge-policy.ts";

function edgeWith(routes: RouteDocument[], options: EdgeOptions = {}) {
  return startEdge({ policy: policyWith({ routes }), ...options });
}

describe('a route with "auth": "none"', () => {
  it("leaves the credential to the upstream, and limits the address", async () => {
    const edge = await edgeWith([{ match: "/hook", auth: "none" }, { match: "/*" }]);
    const { headers: good } = await customer(edge);
    const theirs = { Authorization: "Basic dTpw", "X-API-Key": "theirs", ...newAddress() };
    for (const expected of [200, 200, 200, 429]) {
      expect((await edge.request("/hook", { headers: theirs })).status).toBe(expected);
    }
    const forwarded = edge.forwarded[0]?.headers;
    expect(forwarded?.get("Authorization")).toBe("Basic dTpw");
    expect(forwarded?.get("X-API-Key")).toBe("theirs");
    expect(forwarded?.get("X-User-Id")).toBeNull();
    expect(forwarded?.get("X-User-Tier")).toBe("anonymous");
    // Elsewhere it stays a bad credential, and a good one does not count here.
    expect((await edge.request("/other", { headers: { ...theirs, ...newAddress() } })).status).toBe(401);
    const address = { ...newAddress(), ...good };
    for (const expected of [200, 200, 200, 429]) {
      expect((await edge.request("/hook", { headers: address })).status).toBe(expected);
    }
  });

  it("never hands an API key of this product to the upstream, unless it asks for it", async () => {
    const edge = await edgeWith([
      { match: "/hook", auth: "none" },
      { match: "/trusted", auth: "none", forwardKey: true },
    ]);
    const key = generateApiKey("live");
    const headers = { "X-API-Key": key, Authorization: `Bearer ${key}` };
    for (const path of ["/hook", "/trusted"])
      await edge.request(path, { headers: { ...headers, ...newAddress() } });
    const sent = edge.forwarded.map(({ headers: own }) => [own.get("X-API-Key"), own.get("Authorization")]);
    expect(sent).toEqual([
      [null, null],
      [key, `Bearer ${key}`],
    ]);
  });

  it("is never taken for another route by a spelling of its path", async () => {
    const edge = await edgeWith([{ match: "/hook", auth: "none" }, { match: "/*" }]);
    for (const path of ["/Hook", "/hook/", "/hook;a"]) {
      expect((await edge.request(path, { headers: newAddress() })).status, path).toBe(400);
    }
  });
});

describe("a route that ends", () => {
  const ending: RouteDocument = { match: "/old", deprecated: "2026-07-01", sunset: "2027-01-31T12:00:00Z" };

  it("says so in each of its responses, as RFC 9745 and RFC 8594 write dates, whatever the upstream says", async () => {
    const edge = await edgeWith(
      [{ ...ending, limits: [{ ...THREE_A_MINUTE, name: "own" }] }, { match: "/new" }],
      {
        upstream: () => new Response("upstream", { headers: { Deprecation: "true", Sunset: "soon" } }),
      },
    );
    const headers = newAddress();
    const notices: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const response = await edge.request("/old", { headers });
      notices.push([response.status, response.headers.get("Deprecation"), response.headers.get("Sunset")]);
    }
    const [deprecation, sunset] = ["@1782864000", "Sun, 31 Jan 2027 12:00:00 GMT"];
    expect(notices).toEqual([200, 200, 200, 429].map((status) => [status, deprecation, sunset]));
    const other = await edge.request("/new", { headers: newAddress() });
    expect([other.headers.get("Deprecation"), other.headers.get("Sunset")]).toEqual(["true", "soon"]);
  });

  it.each<[fault: string, route: Partial<RouteDocument>, path: string]>([
    ["a day that does not exist", { deprecated: "2026-02-30" }, "/routes/0/deprecated"],
    ["a time without a zone", { sunset: "2026-02-03T10:00:00" }, "/routes/0/sunset"],
    ["words", { sunset: "soon" }, "/routes/0/sunset"],
    [
      "an end before it is deprecated",
      { deprecated: "2026-07-02", sunset: "2026-07-01" },
      "/routes/0/sunset",
    ],
  ])("is rejected with the path: %s", (_fault, route, path) => {
    const compiled = compilePolicy(policyWith({ routes: [{ match: "/old", ...route }] }), 1);
    expect(compiled.ok ? [] : compiled.faults.map((fault) => fault.path)).toEqual([path]);
  });
});

describe("a preflight without cors in the policy", () => {
  const ask = (method: string, more = {}) => ({
    method: "OPTIONS",
    headers: {
      Origin: "https://app.example",
      "Access-Control-Request-Method": method,
      ...newAddress(),
      ...more,
    },
  });
  const routes: RouteDocument[] = [
    { match: "/private", methods: ["POST"], auth: "required", forwardOverrides: true },
    { match: "/own", methods: ["OPTIONS"] },
    { match: "/*" },
  ];

  it("goes to the upstream of the route that it asks about, uncharged and without a credential", async () => {
    const edge = await edgeWith(routes);
    const record = vi.spyOn(edge.services.recorder, "record");
    const init = ask("POST");
    for (let i = 0; i < 5; i++) expect((await edge.request("/private", init)).status).toBe(200);
    expect(edge.forwarded).toHaveLength(5);
    expect(edge.forwarded[0]?.method).toBe("OPTIONS");
    expect(record.mock.calls[0]?.[0]).toMatchObject({
      route: "POST /private",
      outcome: "allowed",
      reason: "exempt",
      cost: 0,
    });
    // The address has still all of its limit.
    const address = {
      headers: { "CF-Connecting-IP": new Headers(init.headers).get("CF-Connecting-IP") ?? "" },
    };
    for (const expected of [200, 200, 200, 429])
      expect((await edge.request("/x", address)).status).toBe(expected);
    await edge.request("/own", ask("GET"));
    expect(record.mock.calls.at(-1)?.[0]).toMatchObject({ route: "OPTIONS /own", cost: 0 });
    expect((await edge.request("/private", ask("X".repeat(5_000)))).status).toBe(200);
  });

  it("is an ordinary request if no browser would send it so: with a credential, content, or without an origin", async () => {
    const edge = await edgeWith([{ match: "/private", auth: "required" }]);
    const status = async (init: RequestInit) => (await edge.request("/private", init)).status;
    expect(await status(ask("GET"))).toBe(200);
    expect(await status({ ...ask("GET"), body: "content" })).toBe(401);
    expect(await status(ask("GET", { "X-API-Key": "el_live_x" }))).toBe(401);
    expect(await status(ask("GET", { Cookie: "a=b" }))).toBe(401);
    expect(await status({ method: "OPTIONS", headers: { "Access-Control-Request-Method": "GET" } })).toBe(
      401,
    );
  });

  it("never makes the upstream handle another method, and passes no rule", async () => {
    const edge = await startEdge({
      policy: policyWith({ routes, rules: [{ name: "no", if: { userAgent: ["bot"] }, then: "deny" }] }),
    });
    await edge.request("/private", ask("POST", { "X-HTTP-Method-Override": "DELETE" }));
    expect(edge.forwarded[0]?.headers.get("X-HTTP-Method-Override")).toBeNull();
    expect((await edge.request("/private", ask("POST", { "User-Agent": "bot" }))).status).toBe(403);
  });
});

describe("a trace", () => {
  const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;

  it("passes through to the upstream, and the log line of the decision has its id", async () => {
    const lines: string[] = [];
    const info = vi
      .spyOn(console, "info")
      .mockImplementation((line: unknown) => void lines.push(String(line)));
    const edge = await edgeWith([{ match: "/*", cost: 4 }], { variables: { LOG_LEVEL: "info" } });
    const send = (headers: Record<string, string>) =>
      edge.request("/x", { headers: { ...newAddress(), ...headers } });
    await send({ traceparent, tracestate: "a=b" });
    await send({ traceparent: "00-no-trace" });
    info.mockRestore();
    const decisions = lines
      .map((line): unknown => JSON.parse(line))
      .filter((line) => String(Reflect.get(Object(line), "event")) === "decision");
    expect(decisions).toMatchObject([{ traceId: TRACE }, { reason: "minute" }]);
    expect(decisions[1]).not.toHaveProperty("traceId");
    const free = await edgeWith([{ match: "/*" }]);
    await free.request("/x", { headers: { ...newAddress(), traceparent, tracestate: "a=b" } });
    const forwarded = free.forwarded[0]?.headers;
    expect([forwarded?.get("traceparent"), forwarded?.get("tracestate")]).toEqual([traceparent, "a=b"]);
  });

  /** The runtime's tracing, as it is in a request of which `isTraced` says whether it is traced. */
  function tracerOf(isTraced: boolean) {
    const log: string[] = [];
    const span = { isTraced, spanContext: () => ({ traceId: TRACE }), end: () => void log.push("end") };
    const tracer = {
      getActiveSpan: () => span,
      startSpan: (name: string) => (log.push(name), span),
      enterSpan: <T>(name: string, run: () => T): T => (log.push(name), run()),
    };
    return { log, context: { tracing: tracer } };
  }

  it("of the runtime has a span of each step that waits, which ends with it; without a trace there is none", async () => {
    const traced = tracerOf(true);
    let decide: (made: string) => void = () => undefined;
    const decision = spanOf("limit", new Promise<string>((resolve) => (decide = resolve)), traced.context);
    expect(traced.log).toEqual(["limit"]);
    decide("made");
    expect(await decision).toBe("made");
    expect(traced.log).toEqual(["limit", "end"]);
    expect(await inSpan("upstream", async () => "answered", traced.context)).toBe("answered");
    expect(traced.log).toEqual(["limit", "end", "upstream"]);
    expect(traceIdOf(new Headers(), traced.context)).toBe(TRACE);
    const untraced = tracerOf(false);
    expect(await spanOf("limit", Promise.resolve(1), untraced.context)).toBe(1);
    expect(await inSpan("upstream", async () => 2, untraced.context)).toBe(2);
    expect([untraced.log, traceIdOf(new Headers(), untraced.context)]).toEqual([[], null]);
  });
});
