/** What the gateway keeps from an upstream, and what it must not change on the way: claims, caches, loops, uploads, statuses. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RouteDocument } from "../../src/policy/schema.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { ADMIN_TOKEN, startEdge, type Upstream } from "../fixtures/edge-app.ts";
import { policyOfTier, THREE_A_MINUTE } from "../fixtures/edge-policy.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const unlimited = (...routes: RouteDocument[]) => policyOfTier({ limits: [] }, routes);
const limited = (...routes: RouteDocument[]) => policyOfTier({ limits: [THREE_A_MINUTE] }, routes);

/** The headers that reached the upstream of a route with these fields. */
async function forwardedWith(headers: HeadersInit, route: Partial<RouteDocument> = {}): Promise<Headers> {
  const edge = await startEdge({ policy: unlimited({ match: "/*", ...route }) });
  expect((await edge.request("/a", { headers })).status).toBe(200);
  const [request] = edge.forwarded;
  if (!request) throw new Error("nothing was forwarded");
  return request.headers;
}

describe("a client's claim that only a proxy may make", () => {
  const CLAIMS = [
    ..."X-Forwarded X-Forwarded-Prefix X-Forwarded-User X-Forwarded-Port X-Forwarded-Client-Cert X-Forwarded-Server".split(
      " ",
    ),
    ..."Forwarded Forwarded-For True-Client-IP X-Client-IP Client-IP X-Cluster-Client-IP Fastly-Client-IP".split(
      " ",
    ),
    ..."Proxy Proxy-Client-IP WL-Proxy-Client-IP Remote-User".split(" "),
    ..."CF-Connecting-IPv6 X-Host X-Remote-User X-Original-Forwarded-For X-Real-IP".split(" "),
    ..."Cf-Access-Jwt-Assertion Cf-Access-Authenticated-User-Email".split(" "),
  ];

  it.each([
    ["as HTTP writes it", (name: string) => name],
    ["as CGI reads it", (name: string) => name.replaceAll("-", "_")],
    ["in a mixture of both", (name: string) => name.replace("-", "_").toUpperCase()],
    ["as some servers fold it", (name: string) => name.replaceAll("-", ".")],
  ])("is not forwarded, %s", async (_how, spell) => {
    const headers = await forwardedWith(
      Object.fromEntries(CLAIMS.map((name) => [spell(name), "203.0.113.1"])),
    );
    expect([...headers.values()]).not.toContain("203.0.113.1");
  });

  it("does not take other headers with it", async () => {
    const others = { "X-Forward": "1", "X-Hosting": "2", "X-Client-Ipad": "3", "Cf-Accessory": "4" };
    const headers = await forwardedWith(others);
    expect(Object.keys(others).map((name) => headers.get(name))).toEqual(["1", "2", "3", "4"]);
  });
});

describe("a header that overrides method or path", () => {
  const OVERRIDES = {
    "X-HTTP-Method-Override": "DELETE",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "DELETE",
    "X-Original-URL": "/admin",
    "X-Rewrite-URL": "/admin",
    X_HTTP_Method_Override: "DELETE",
  };

  it("is not forwarded: the upstream handles what was limited", async () => {
    const headers = await forwardedWith(OVERRIDES);
    expect(Object.keys(OVERRIDES).filter((name) => headers.has(name))).toEqual([]);
  });

  it("is forwarded if the route allows it", async () => {
    const headers = await forwardedWith(OVERRIDES, { forwardOverrides: true });
    expect(Object.keys(OVERRIDES).filter((name) => !headers.has(name))).toEqual([]);
  });
});

describe("cookies", () => {
  it("of several Cookie lines reach the upstream as one list", async () => {
    const lines = new Headers({ Cookie: "a=1; b=2" });
    lines.append("Cookie", "c=3");
    lines.append("Cookie", "_d-e=4");
    expect((await forwardedWith(lines)).get("Cookie")).toBe("a=1; b=2; c=3; _d-e=4");
  });

  it("of lines that are empty or have odd names are separated too", async () => {
    const Cookie = 'a=1, , b="x, y", [c]=3, d[0]=4';
    expect((await forwardedWith({ Cookie })).get("Cookie")).toBe('a=1; b="x, y"; [c]=3; d[0]=4');
  });

  it("keep a comma that does not separate lines", async () => {
    const Cookie = 'a="1, b=2"; c=1,d=2; date=Mon, 01 Jan; json={"x":1, "y":2}';
    expect((await forwardedWith({ Cookie })).get("Cookie")).toBe(Cookie);
  });
});

describe("a fetch to the upstream", () => {
  const inits: RequestInit[] = [];
  const fetched = (_url: string, init: RequestInit): Response => {
    inits.push(init);
    return new Response();
  };

  it.each([
    ["a URL", "https://api.example"],
    ["a service", "service:OWN"],
  ])("that is %s bypasses caches and keeps the bytes", async (_kind, upstream) => {
    inits.length = 0;
    vi.stubGlobal("fetch", fetched);
    const policy = unlimited({ match: "/*", upstream });
    const edge = await startEdge({ policy, bindings: { OWN: { fetch: fetched } } });
    for (const method of ["GET", "POST"])
      expect((await edge.request("/report.csv", { method })).status).toBe(200);
    const options = inits.map(({ cache, encodeResponseBody }) => [cache, encodeResponseBody]);
    expect(options).toEqual([
      ["no-store", "manual"],
      ["no-store", "manual"],
    ]);
  });
});

describe("a length that is not the body's", () => {
  const slot = { name: "slot", kind: "concurrency", max: 9, ttlMs: 60_000 } as const;
  const odd = (headers: HeadersInit) => () => new Response("abc", { headers });

  it("of chunks does not break the response, on a route with slots either", async () => {
    vi.stubGlobal("fetch", odd({ "Transfer-Encoding": "chunked", "Content-Length": "99" }));
    const policy = unlimited({ match: "/*", upstream: "https://api.example", limits: [slot] });
    const edge = await startEdge({ policy });
    expect(await (await edge.request("/a", { headers: newAddress() })).text()).toBe("abc");
  });

  it("of a service does not break the response, on a route with slots either", async () => {
    const upstream = odd({ "Content-Length": "99" });
    const edge = await startEdge({ policy: unlimited({ match: "/*", limits: [slot] }), upstream });
    expect(await (await edge.request("/a", { headers: newAddress() })).text()).toBe("abc");
    const head = await edge.request("/a", { method: "HEAD", headers: newAddress() });
    expect(head.headers.get("Content-Length")).toBe("99");
  });
});

describe("limit headers of the upstream", () => {
  const ITS_OWN = {
    RateLimit: '"upstream";r=0;t=1',
    "RateLimit-Limit": "1",
    "RateLimit-Remaining": "0",
    "RateLimit-Reset": "1",
    "X-RateLimit-Used": "1",
    "X-RateLimit-Limit-Requests": "1",
    "X-Rate-Limit-Limit": "1",
    "X-Quota-Overage": '"upstream";included=1;over=1',
    "Retry-After": "7",
  };
  const upstream: Upstream = () => new Response("", { headers: ITS_OWN });

  it("are dropped if the response has limit headers of the gateway", async () => {
    const edge = await startEdge({ policy: limited({ match: "/*" }), upstream });
    const { headers } = await edge.request("/a", { headers: newAddress() });
    const kept = Object.entries(ITS_OWN).filter(([name, value]) => headers.get(name) === value);
    expect(kept).toEqual([["Retry-After", "7"]]);
    expect(headers.get("RateLimit")).toMatch(/^"minute";r=2/);
  });

  it.each([
    ["is exempt", limited({ match: "/*", cost: 0 })],
    ["has no limits", unlimited({ match: "/*" })],
  ])("are kept, all of them, if the request %s", async (_why, policy) => {
    const edge = await startEdge({ policy, upstream });
    const { headers } = await edge.request("/a", { headers: newAddress() });
    const lost = Object.entries(ITS_OWN).filter(([name, value]) => headers.get(name) !== value);
    expect(lost).toEqual([]);
  });
});

describe("a request that comes back", () => {
  it("to its own gateway ends after a few rounds, whatever the route costs and the client claims", async () => {
    for (const cost of [0, 1]) {
      for (const claim of [{}, { "Edge-Limiter-Hops": "0" }, { "Edge-Limiter-Hops": "-1000" }]) {
        let rounds = 0;
        const back: Upstream = async (request) => {
          rounds += 1;
          if (rounds > 50) throw new Error("an endless loop");
          return edge.request(request.url, { headers: request.headers });
        };
        const edge = await startEdge({ policy: unlimited({ match: "/*", cost }), upstream: back });
        const response = await edge.request("/a", { headers: claim });
        expect([response.status, await response.json()]).toMatchObject([508, { code: "loop_detected" }]);
        expect(rounds).toBeLessThanOrEqual(5);
      }
    }
  });

  it("through a few gateways in a row is forwarded", async () => {
    const headers = await forwardedWith({ "Edge-Limiter-Hops": "3" });
    expect(headers.get("Edge-Limiter-Hops")).toBe("4");
  });
});

describe("an upload", () => {
  const policy = unlimited({ match: "/*", timeoutMs: 50 });
  const chunk = new Uint8Array(10);

  /** Rejects when the gateway gives up, as a real fetch does. */
  const aborted = ({ signal }: Request): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });

  /** A body that its client sends by hand. */
  function sending(): { body: ReadableStream<Uint8Array>; writer: WritableStreamDefaultWriter<Uint8Array> } {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    return { body: readable, writer: writable.getWriter() };
  }

  it("may take longer than the route's timeout, which begins at its end", async () => {
    const { body, writer } = sending();
    const edge = await startEdge({
      policy,
      upstream: async (request) => {
        const read = request.arrayBuffer();
        return Promise.race([
          read.then(({ byteLength }) => new Response(String(byteLength))),
          aborted(request),
        ]);
      },
    });
    const response = edge.request("/a", { method: "POST", body });
    for (let i = 0; i < 4; i++) {
      await writer.write(chunk);
      await scheduler.wait(30);
    }
    await writer.close();
    expect(await (await response).text()).toBe("40");
  });

  it("that has ended leaves the upstream the route's timeout", async () => {
    const edge = await startEdge({
      policy,
      upstream: async (request) => {
        await request.arrayBuffer();
        return aborted(request);
      },
    });
    const response = await edge.request("/a", { method: "POST", body: chunk });
    expect(await problemCode(response)).toBe("504 upstream_timeout");
  });

  it("keeps its length", async () => {
    const edge = await startEdge({ policy });
    await edge.request("/a", { method: "PUT", body: chunk, headers: { "Content-Length": "10" } });
    expect((await edge.forwarded[0]?.arrayBuffer())?.byteLength).toBe(10);
  });
});

describe("a client that leaves in the middle of its body", () => {
  it("while it is forwarded is no error of ours or of the upstream: 400, logged at debug", async () => {
    const lines = [vi.spyOn(console, "warn"), vi.spyOn(console, "error")];
    const upstream: Upstream = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    const edge = await startEdge({
      policy: unlimited({ match: "/*" }),
      upstream,
      variables: { LOG_LEVEL: "info" },
    });
    const response = await edge.request("/a", { method: "POST", body: broken() });
    expect(await problemCode(response)).toBe("400 invalid_request");
    expect(lines.flatMap((spy) => spy.mock.calls)).toEqual([]);
    vi.restoreAllMocks();
  });

  const broken = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error("Network connection lost."));
      },
    });

  it.each(["/api/v1/admin/session", "/api/v1/admin/accounts"])("is no error of ours: %s", async (path) => {
    const errors = vi.spyOn(console, "error").mockReturnValue();
    const edge = await startEdge();
    const headers = { ...newAddress(), Authorization: `Bearer ${ADMIN_TOKEN}`, Origin: "https://edge.test" };
    const response = await edge.request(path, { method: "POST", headers, body: broken() });
    expect([response.status, errors.mock.calls]).toEqual([400, []]);
    errors.mockRestore();
  });
});
