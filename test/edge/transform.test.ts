/**
 * Requests and responses that their route changes, through the whole gateway: after its own handling of headers, with the credentials of
 * the upstream, and without getting in the way of preflights, HEAD and WebSockets.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import documented from "../../docs/transformation.md?raw";
import { parseJson } from "../../src/json.ts";
import { parseBy } from "../../src/policy/fault.ts";
import { policySchema, type RouteDocument } from "../../src/policy/schema.ts";
import { admin, customer, newAddress } from "../fixtures/edge-account.ts";
import { type Edge, type EdgeOptions, startEdge } from "../fixtures/edge-app.ts";
import { policyWith } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

afterEach(() => vi.restoreAllMocks());

function edgeWith(route: RouteDocument, options: EdgeOptions = {}): Promise<Edge> {
  return startEdge({ policy: policyWith({ routes: [route] }), ...options });
}

/** The request that reached the upstream last. */
function last({ forwarded }: Edge): Request {
  const request = forwarded.at(-1);
  if (!request) throw new Error("nothing was forwarded");
  return request;
}

describe("complaints about another gateway", () => {
  it("a header that is removed and added has the added value, whether the client sent it or not", async () => {
    // Kong/kong#4950
    const headers = { remove: ["Authorization"], add: { Authorization: "Basic test" } };
    const edge = await edgeWith({ match: "/*", auth: "none", request: { headers } });
    for (const sent of [{ Authorization: "Basic dGVzdDp0ZXN0" }, { authorization: "x" }, {}]) {
      await edge.request("/a", { headers: { ...newAddress(), ...sent } });
      expect(last(edge).headers.get("Authorization")).toBe("Basic test");
    }
  });

  it("a renamed header always replaces the one of its new name, whatever their order", async () => {
    // Kong/kong#9418
    const headers = { rename: { "X-Upstream-Authorization": "Authorization" } };
    const edge = await edgeWith({ match: "/*", auth: "none", request: { headers } });
    const sent: [string, string][] = [
      ["Authorization", "Bearer client"],
      ["X-Upstream-Authorization", "Bearer upstream"],
    ];
    for (const order of [sent, sent.toReversed()]) {
      for (let i = 0; i < 3; i++) {
        await edge.request("/a", { headers: [...order, ...Object.entries(newAddress())] });
        expect(last(edge).headers.get("Authorization")).toBe("Bearer upstream");
        expect(last(edge).headers.has("X-Upstream-Authorization")).toBe(false);
      }
    }
  });

  it("a client's X-Forwarded-Host never reaches the upstream, and a policy cannot set one", async () => {
    // Kong/kong#9125
    const edge = await edgeWith({ match: "/*", request: { headers: { set: { "x-plan": "${tier}" } } } });
    const claims = {
      "X-Forwarded-Host": "wikipedia.org",
      "X-Forwarded-Proto": "gopher",
      "X-Forwarded-Port": "844",
    };
    await edge.request("/a", { headers: { ...newAddress(), ...claims } });
    const { headers } = last(edge);
    expect(headers.get("X-Forwarded-Host")).toBe("edge.test");
    expect(headers.get("X-Forwarded-Proto")).toBe("https");
    expect(headers.has("X-Forwarded-Port")).toBe(false);
    const set = Object.fromEntries(Object.keys(claims).map((name) => [name, "x"]));
    const document = policyWith({ routes: [{ match: "/*", request: { headers: { set } } }] });
    const verdict: unknown = await (await admin(edge, "POST", "/policy/validate", { document })).json();
    const paths = Object.keys(claims).map((name) => ({ path: `/routes/0/request/headers/set/${name}` }));
    expect(verdict).toMatchObject({ valid: false, errors: paths });
  });
});

/** The example of the documentation, in front of the test's upstream. */
function documentedRoute(): RouteDocument {
  const [, text = ""] = /```json\n(.*?)```/s.exec(documented) ?? [];
  const parsed = parseBy(policySchema, policyWith({ routes: [Object(parseJson(text))] }));
  const [route] = parsed.ok ? parsed.value.routes : [];
  if (!route) throw new Error("the example is not a route");
  const { upstream: _upstream, ...others } = route;
  return others;
}

describe("the documented example", () => {
  it("does to a request and its response what the documentation says", async () => {
    const [, sent = "", got = ""] = /^\| query \| `(.*)` \| `(.*)` \|$/m.exec(documented) ?? [];
    const [, from = "", to = ""] = /^\| path \| `(.*)` \| `(.*)` \|$/m.exec(documented) ?? [];
    const edge = await edgeWith(documentedRoute(), {
      bindings: { UPSTREAM_SECRET_USERS: "hush" },
      upstream: () => new Response("", { headers: { Server: "x/1" } }),
    });
    const { headers: credential, user } = await customer(edge, { tier: "pro" });
    const headers = { ...credential, "X-Debug": "1", Signature: "s", "X-Plan": "enterprise" };
    const response = await edge.request(from + sent, { headers });
    expect(last(edge).url).toBe(`https://edge.test${to}${got.replace("acme", user)}`);
    const forwarded = Object.fromEntries(last(edge).headers);
    expect(forwarded).toMatchObject({
      "x-sig": "s",
      "x-plan": "pro",
      authorization: "Bearer hush",
      "x-user-id": user,
    });
    for (const name of ["x-debug", "signature", "x-api-key"]) expect(forwarded).not.toHaveProperty(name);
    expect(response.headers.has("Server")).toBe(false);
    expect(response.headers.get("X-Served-By")).toBe(`edge ${response.headers.get("X-Request-Id")}`);
  });
});

describe("a request", () => {
  it("reaches the upstream with the path, query and headers of its route", async () => {
    const edge = await edgeWith({
      match: "/v1/users/:id/*",
      request: {
        path: "/internal/:id/*",
        headers: {
          remove: ["x-debug"],
          rename: { signature: "x-sig" },
          set: {
            "x-plan": "${tier}",
            "x-account": "${user}/${key}",
            "x-id": "${requestId}",
            "x-from": "${country}",
          },
          add: { accept: "text/x-${param.id}" },
        },
        query: { remove: ["token"], set: { account: "${user}", id: "${param.id}" } },
      },
    });
    const { headers: credential, user, keyId } = await customer(edge, { tier: "pro" });
    const response = await edge.request("/v1/users/a%20b/posts?page=2&token=t&account=evil", {
      headers: {
        ...credential,
        X_Debug: "1",
        Signature: "s",
        X_Plan: "evil",
        Accept: "*/*",
        "CF-IPCountry": "NZ",
      },
    });
    expect(response.status).toBe(200);
    const { url, headers } = last(edge);
    expect(url).toBe(`https://edge.test/internal/a%20b/posts?page=2&account=${user}&id=a%20b`);
    expect(Object.fromEntries(headers)).toMatchObject({
      "x-sig": "s",
      "x-plan": "pro",
      "x-account": `${user}/${keyId}`,
      "x-id": response.headers.get("X-Request-Id"),
      "x-from": "NZ",
      accept: "*/*, text/x-a%20b",
      "x-user-id": user,
    });
    for (const name of ["x_debug", "signature", "x_plan"]) expect(headers.has(name)).toBe(false);
  });

  it("loses a header and a parameter whose variable has no value: the client's own never stands for it", async () => {
    const headers = { set: { "X-Account": "${user}", "X-From": "${country}" }, add: { "X-Key": "${key}" } };
    const edge = await edgeWith({
      match: "/*",
      request: { headers, query: { set: { account: "${user}" } } },
    });
    const sent = {
      ...newAddress(),
      "X-Account": "root",
      "x.account": "root",
      "X-From": "XX",
      "X-Key": "kept",
    };
    await edge.request("/a?account=root&b=1", { headers: sent });
    expect(last(edge).url).toBe("https://edge.test/a?b=1");
    expect(last(edge).headers.has("X-Account")).toBe(false);
    expect([...last(edge).headers.values()]).not.toContain("root");
    expect(last(edge).headers.has("X-From")).toBe(false);
    expect(last(edge).headers.get("X-Key")).toBe("kept");
  });

  it("asks for a response that is not encoded if its usage is read from it, whatever the route sets", async () => {
    const quota = {
      name: "tokens",
      kind: "quota" as const,
      amount: 100,
      per: "day" as const,
      unit: "tokens",
    };
    const usage = { unit: "tokens", reserve: 1, from: "openai" as const };
    const request = { headers: { set: { "Accept-Encoding": "br" } } };
    const policy = policyWith({
      tiers: { anonymous: { limits: [quota] }, free: { limits: [] } },
      routes: [{ match: "/*", cost: 0, usage, request }],
    });
    const edge = await startEdge({ policy });
    expect((await edge.request("/a", { headers: newAddress() })).status).toBe(200);
    expect(last(edge).headers.get("Accept-Encoding")).toBe("identity");
  });

  it("is 400 if its path is another spelling in which the parameters stand elsewhere, and is not forwarded", async () => {
    const edge = await startEdge({
      policy: policyWith({
        routes: [
          { match: "/users/:id/secret", cost: 2, request: { path: "/internal/:id" } },
          { match: "/*" },
        ],
      }),
    });
    const spelled = await edge.request("/Users/7/SECRET/", { headers: newAddress() });
    expect([spelled.status, last(edge).url]).toEqual([200, "https://edge.test/internal/7"]);
    const problem = await problemOf(await edge.request("/;x/users/7/secret", { headers: newAddress() }));
    expect([problem.status, edge.forwarded.length]).toEqual([400, 1]);
  });

  it("keeps its bytes, method and body on a route that changes only its response", async () => {
    const edge = await edgeWith({ match: "/*", response: { headers: { set: { "X-Served-By": "edge" } } } });
    const url = "/a%20b/%C3%A9?x=%20+&&y=[1]&z";
    const response = await edge.request(url, { method: "POST", body: "body", headers: newAddress() });
    expect(response.headers.get("X-Served-By")).toBe("edge");
    expect([last(edge).url, last(edge).method]).toEqual([`https://edge.test${url}`, "POST"]);
    expect(await last(edge).text()).toBe("body");
  });
});

describe("a response", () => {
  const route: RouteDocument = {
    match: "/*",
    response: {
      headers: {
        remove: ["Server", "Set-Cookie"],
        rename: { "X-Internal": "X-Public" },
        set: { "X-Served-By": "edge ${requestId}", "X-Account": "${user}" },
        add: { Vary: "X-Plan" },
      },
    },
  };
  const upstream = () =>
    new Response("body", {
      status: 418,
      headers: [
        ["Server", "secret/1.0"],
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
        ["X-Internal", "7"],
        ["X-Account", "upstream's"],
        ["Vary", "Accept"],
        ["RateLimit", "upstream's"],
      ],
    });

  it("is changed after the gateway's own handling, which stays", async () => {
    const edge = await edgeWith(route, { upstream });
    const response = await edge.request("/a", { headers: newAddress() });
    expect([response.status, await response.text()]).toEqual([418, "body"]);
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({ "x-public": "7", vary: "Accept, X-Plan" });
    expect(headers["x-served-by"]).toBe(`edge ${headers["x-request-id"]}`);
    expect(headers["ratelimit"]).toMatch(/^"minute";r=2/);
    for (const name of ["server", "set-cookie", "x-internal", "x-account"])
      expect(headers).not.toHaveProperty(name);
  });

  it("to HEAD is changed too, and one of the gateway itself is not", async () => {
    const edge = await edgeWith(route, { upstream });
    const headers = newAddress();
    expect((await edge.request("/a", { method: "HEAD", headers })).headers.get("X-Public")).toBe("7");
    for (let i = 0; i < 2; i++) await edge.request("/a", { headers });
    const denied = await edge.request("/a", { headers });
    expect([denied.status, denied.headers.has("X-Served-By")]).toEqual([429, false]);
  });

  it("that upgrades to a WebSocket is changed, and so is its request, which stays an upgrade", async () => {
    const { 0: client, 1: server } = new WebSocketPair();
    const request = { path: "/socket", headers: { set: { "X-Plan": "${tier}" } } };
    const edge = await edgeWith(
      { ...route, request },
      { upstream: () => new Response(null, { status: 101, webSocket: client, headers: { Server: "s" } }) },
    );
    const response = await edge.request("/a", { headers: { ...newAddress(), Upgrade: "websocket" } });
    expect([response.status, response.webSocket !== null]).toEqual([101, true]);
    expect(response.headers.has("Server")).toBe(false);
    expect(last(edge).url).toBe("https://edge.test/socket");
    expect(last(edge).headers.get("Upgrade")).toBe("websocket");
    expect(last(edge).headers.get("X-Plan")).toBe("anonymous");
    server.accept();
    server.close();
  });
});

describe("a secret", () => {
  const SECRET = "s3cr3t-of-the-upstream";
  const route: RouteDocument = {
    match: "/*",
    request: { headers: { set: { Authorization: "Bearer ${secret.API}", "X-Api-Key": "${secret.API}" } } },
  };
  const bound = { bindings: { UPSTREAM_SECRET_API: `${SECRET}\n` } };

  it("reaches the upstream in place of the caller's credential, and nothing else", async () => {
    const lines: string[] = [];
    for (const level of ["debug", "info", "warn", "error"] as const) {
      vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line)));
    }
    const edge = await edgeWith(route, { ...bound, variables: { LOG_LEVEL: "debug" } });
    const { headers, key } = await customer(edge);
    const response = await edge.request("/a", { headers });
    expect(last(edge).headers.get("Authorization")).toBe(`Bearer ${SECRET}`);
    expect(last(edge).headers.get("X-Api-Key")).toBe(SECRET);
    expect([...last(edge).headers.values()]).not.toContain(key);
    const document = policyWith({ routes: [route] });
    const shown = [
      JSON.stringify([...response.headers]) + (await response.text()),
      await (await admin(edge, "GET", "/policy")).text(),
      await (await admin(edge, "POST", "/policy/validate", { document })).text(),
    ];
    expect(lines.length).toBeGreaterThan(0);
    for (const text of [...shown, ...lines]) expect(text).not.toContain(SECRET);
  });

  it("that is missing is a warning of the policy, and 502 without a call of the upstream", async () => {
    const logged = vi.spyOn(console, "error").mockReturnValue();
    for (const bindings of [{}, { UPSTREAM_SECRET_API: "" }, { UPSTREAM_SECRET_API: "a\nb" }]) {
      const edge = await edgeWith(route, { bindings });
      const problem = await problemOf(await edge.request("/a", { headers: newAddress() }));
      expect([problem.status, problem.code, edge.forwarded.length]).toEqual([502, "upstream_error", 0]);
      expect(problem.detail).not.toContain("API");
      expect(String(logged.mock.lastCall?.[0])).toMatch(
        /"upstream_secret_missing".*"binding":"UPSTREAM_SECRET_API"/,
      );
      const document = policyWith({ routes: [route] });
      const verdict: unknown = await (await admin(edge, "POST", "/policy/validate", { document })).json();
      const path = "/routes/0/request/headers/set/Authorization";
      const message = expect.stringContaining("UPSTREAM_SECRET_API");
      expect(verdict).toMatchObject({ valid: true, warnings: expect.arrayContaining([{ path, message }]) });
    }
  });

  it("of another name than the prefix's is none: the Worker's own secrets cannot be sent", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    // As a revision that was not checked by this Worker could have it.
    const headers = {
      set: { "X-A": "${secret.ADMIN_TOKEN}", "X-B": "${ADMIN_TOKEN}", "X-C": "${secret.a}" },
    };
    const edge = await edgeWith({ match: "/*", request: { headers } });
    expect((await edge.request("/a", { headers: newAddress() })).status).toBe(502);
    const others = await edgeWith({
      match: "/*",
      request: { headers: { set: { "X-B": "${ADMIN_TOKEN}", "X-C": "${secret.a}" } } },
    });
    expect((await others.request("/a", { headers: newAddress() })).status).toBe(200);
    expect(["X-A", "X-B", "X-C"].filter((name) => last(others).headers.has(name))).toEqual([]);
  });

  it("is not sent with a preflight, which reaches the changed path without a credential", async () => {
    const edge = await edgeWith({ ...route, request: { ...route.request, path: "/internal" } }, bound);
    const preflight = { Origin: "https://app.example", "Access-Control-Request-Method": "POST" };
    const response = await edge.request("/a", {
      method: "OPTIONS",
      headers: { ...newAddress(), ...preflight },
    });
    expect([response.status, last(edge).method, last(edge).url]).toEqual([
      200,
      "OPTIONS",
      "https://edge.test/internal",
    ]);
    expect([...last(edge).headers.values()].join()).not.toContain(SECRET);
  });
});
