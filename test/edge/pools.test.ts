/** Routes with a pool of upstreams: which target gets a request, what is sent again and what never is, and which targets are left out. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PoolDocument } from "../../src/policy/pool-schema.ts";
import type { PolicyDocument, RouteDocument } from "../../src/policy/schema.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { type Edge, publishPolicy, startEdge, type Upstream } from "../fixtures/edge-app.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";
import { problemCode } from "../fixtures/edge-problem.ts";
import { app as demoOrigin } from "../../examples/origin/src/app.ts";

const NAMES = ["A", "B", "C"] as const;
type Name = (typeof NAMES)[number];

/** What each target does; a test changes it. */
let does: Record<Name, Upstream>;
/** The names of the targets that requests reached, in order, without probes. */
let reached: string[];
let probes: string[];

const works: Upstream = () => new Response("fine");
const refuses: Upstream = () => Promise.reject(new Error("connection refused"));
const fails =
  (status: number, headers: HeadersInit = {}): Upstream =>
  () =>
    new Response(`status ${status}`, { status, headers });
const hangs: Upstream = ({ signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
  });
const diesInBody: Upstream = () =>
  new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("half")),
      pull: (controller) => controller.error(new Error("connection reset")),
    }),
  );

beforeEach(() => {
  does = { A: works, B: works, C: works };
  reached = [];
  probes = [];
  vi.spyOn(console, "warn").mockReturnValue();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function service(name: Name): { fetch: (url: string, init: RequestInit) => Response | Promise<Response> } {
  return {
    fetch(url, init) {
      const request = new Request(url, init);
      (request.headers.get("User-Agent") === "edge-limiter-probe" ? probes : reached).push(name);
      return does[name](request);
    },
  };
}

const bindings = { A: service("A"), B: service("B"), C: service("C") };
/** Metrics wait in the isolate, where the tests read them. */
const variables = { ANALYTICS_DELAY_MS: "20000" };
const targetsOf = (...names: Name[]) => names.map((name) => ({ url: `service:${name}` }));

function policyWith(
  pool: PoolDocument,
  route: Partial<RouteDocument> = {},
  tier: PolicyDocument["tiers"][string] = { limits: [] },
): PolicyDocument {
  const routes = [{ match: "/*", upstream: "pool:api", ...route }];
  return { ...policyOfTier(tier, routes), upstreams: { api: pool } };
}

function startPool(pool: Partial<PoolDocument> = {}, route: Partial<RouteDocument> = {}): Promise<Edge> {
  return startEdge({
    policy: policyWith({ targets: targetsOf("A", "B", "C"), ...pool }, route),
    bindings,
    variables,
  });
}

/** The statuses of so many requests, one after the other. */
async function statuses(edge: Edge, count: number, init: RequestInit = {}): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    const response = await edge.request("/a", init);
    all.push(response.status);
    await response.text().catch(() => undefined);
    await ended();
  }
  return all;
}

/** Lets what follows the end of a response run. */
async function ended(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
  }
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const countOf = (name: Name): number => reached.filter((one) => one === name).length;

/** The counters that the isolate has not sent yet, as `labels: value`. */
function metricsOf({ services }: Edge, family: string): Record<string, number> {
  const delta = services.metrics.take() ?? [];
  services.metrics.giveBack(delta);
  return Object.fromEntries(
    delta.flatMap(([name, labels, [value = 0]]) => (name === family ? [[labels.join(" "), value]] : [])),
  );
}

describe("a pool", () => {
  it("spreads requests over its targets by their weights", async () => {
    const edge = await startPool({ targets: [{ url: "service:A", weight: 3 }, { url: "service:B" }] });
    expect(await statuses(edge, 8)).toEqual(times(8, 200));
    expect([countOf("A"), countOf("B")]).toEqual([6, 2]);
  });

  it("sends a user to the same target every time, with balance user", async () => {
    const edge = await startPool({ balance: "user" });
    for (let i = 0; i < 5; i++) {
      reached = [];
      await statuses(edge, 4, { headers: newAddress() });
      expect(new Set(reached).size).toBe(1);
    }
  });

  it("sends requests to the target with fewer in flight, until their responses have ended", async () => {
    const edge = await startPool({ targets: targetsOf("A", "B"), balance: "least-requests" });
    const open: WritableStreamDefaultWriter<Uint8Array>[] = [];
    does.A = does.B = () => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      open.push(writable.getWriter());
      return new Response(readable);
    };
    const responses = [];
    for (let i = 0; i < 6; i++) responses.push(await edge.request("/a"));
    expect([countOf("A"), countOf("B")]).toEqual([3, 3]);
    await Promise.all([...open.map((writer) => writer.close()), ...responses.map((one) => one.text())]);
  });

  it("is charged once, however many tries a request takes", async () => {
    const tier = { limits: [{ name: "minute", kind: "bucket", tokens: 3, per: "minute" } as const] };
    does = { A: refuses, B: fails(503), C: works };
    const edge = await startEdge({
      policy: policyWith({ targets: targetsOf("A", "B", "C"), retry: { attempts: 2 } }, {}, tier),
      bindings,
      variables,
    });
    const headers = newAddress();
    expect(await statuses(edge, 4, { headers })).toEqual([200, 200, 200, 429]);
    expect(reached.length).toBeGreaterThan(3);
  });

  it("relays WebSockets, and takes another target for one that refuses", async () => {
    does = { A: refuses, B: (request) => demoOrigin.fetch(request), C: refuses };
    const edge = await startPool({ retry: { attempts: 2 } });
    const response = await edge.request("/ws", { headers: { Upgrade: "websocket" } });
    expect(response.status).toBe(101);
    const socket = response.webSocket;
    if (!socket) throw new Error("there is no socket");
    socket.accept();
    const echoed = new Promise<unknown>((resolve) => {
      socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
    });
    socket.send("hello");
    expect(await echoed).toBe("hello");
    socket.close(1000);
  });

  it("keeps slots until the response that counts has ended, and no longer", async () => {
    const slot = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 60_000 } as const;
    does.A = does.B = refuses;
    const edge = await startPool({ retry: { attempts: 2 } }, { limits: [slot] });
    expect(await statuses(edge, 5, { headers: newAddress() })).toEqual(times(5, 200));
  });

  it("sends a body of a known length on a route with slots to its end, with its length", async () => {
    vi.stubGlobal("fetch", async () => new Response("all of it", { headers: { "Content-Length": "9" } }));
    const slot = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 60_000 } as const;
    const edge = await startPool({ targets: [{ url: "https://a.example" }] }, { limits: [slot] });
    const headers = newAddress();
    for (let i = 0; i < 3; i++) {
      const response = await edge.request("/a", { headers });
      expect([response.status, response.headers.get("Content-Length")]).toEqual([200, "9"]);
      expect(await response.text()).toBe("all of it");
      await ended();
    }
  });

  it("reports the cost of the response that counts, on a route with usage", async () => {
    does = {
      A: fails(503, { "X-Usage-Cost": "1" }),
      B: fails(502),
      C: () => new Response("x", { headers: { "X-Usage-Cost": "7" } }),
    };
    const tier = {
      mode: "strict" as const,
      limits: [{ name: "tokens", kind: "bucket", unit: "token", tokens: 20, per: "day" } as const],
    };
    const usage = { unit: "token", reserve: 10, from: "header" } as const;
    const edge = await startEdge({
      policy: policyWith({ targets: targetsOf("A", "B", "C"), retry: { attempts: 2 } }, { usage }, tier),
      bindings,
    });
    const headers = newAddress();
    const response = await edge.request("/a", { headers });
    expect([response.status, response.headers.get("X-Usage-Cost")]).toEqual([200, null]);
    await response.text();
    await edge.backgroundDone();
    const next = await edge.request("/a", { headers });
    // 7 of the 20 were used; 10 of the 13 are reserved now.
    expect(next.headers.get("RateLimit")).toContain('"tokens";r=3');
    await next.text();
  });

  it("counts tries, retries and ejections in metrics", async () => {
    does.A = refuses;
    const edge = await startPool({ targets: targetsOf("A", "B"), eject: { failures: 2 } });
    await statuses(edge, 10);
    const { "api 0 connect": connect, "api 1 ok": ok } = metricsOf(edge, "upstreamRequests");
    expect([connect, ok]).toEqual([2, 10]);
    expect(metricsOf(edge, "upstreamRetries")).toEqual({ "api ok": 2 });
    expect(metricsOf(edge, "upstreamEjected")).toEqual({ "api 0": 1 });
  });
});

describe("a request is sent again", () => {
  const retry = { attempts: 2, on: ["connect", "timeout", 502, 503, 504] } satisfies PoolDocument["retry"];

  it.each<[how: string, bad: Upstream]>([
    ["refuses connections", refuses],
    ["hangs", hangs],
    ["answers 502", fails(502)],
    ["answers 503", fails(503)],
    ["answers 504", fails(504)],
  ])("to another target if one %s", async (_how, bad) => {
    does.A = does.B = bad;
    const edge = await startPool({ retry: { ...retry, tryTimeoutMs: 20 }, eject: { failures: 1_000 } });
    expect(await statuses(edge, 6)).toEqual(times(6, 200));
    expect(countOf("C")).toBe(6);
    expect(countOf("A") + countOf("B")).toBeGreaterThan(0);
    for (let i = 1; i < reached.length; i++)
      if (reached[i] !== "C") expect(reached[i]).not.toBe(reached[i - 1] === "C" ? "" : reached[i - 1]);
  });

  it.each(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])("if its method is %s", async (method) => {
    does.A = does.B = refuses;
    const edge = await startPool({ retry });
    expect(await statuses(edge, 3, { method })).toEqual([200, 200, 200]);
  });

  it("if it is a POST with an Idempotency-Key, with the same body", async () => {
    const bodies: string[] = [];
    const reads =
      (then: Upstream): Upstream =>
      async (request) => {
        bodies.push(`${await request.text()} ${request.headers.get("Content-Length")}`);
        return then(request);
      };
    does = { A: reads(fails(503)), B: reads(fails(503)), C: reads(works) };
    const edge = await startPool({ retry });
    const body = "x".repeat(65_536);
    const headers = { "Idempotency-Key": "one", "Content-Length": "65536" };
    expect(await statuses(edge, 2, { method: "POST", body, headers })).toEqual([200, 200]);
    expect(new Set(bodies)).toEqual(new Set([`${body} 65536`]));
    expect(bodies.length).toBe(reached.length);
  });

  it.each<[what: string, init: RequestInit]>([
    ["traefik#8990: a POST", { method: "POST", body: "x", headers: { "Content-Length": "1" } }],
    ["a PATCH", { method: "PATCH", body: "x", headers: { "Content-Length": "1" } }],
    ["a POST without content", { method: "POST" }],
    ["an empty Idempotency-Key", { method: "POST", headers: { "Idempotency-Key": "" } }],
    ["a long body", { method: "PUT", body: "x".repeat(65_537), headers: { "Content-Length": "65537" } }],
    ["a body of unknown length", { method: "PUT", body: "x" }],
    ["a method of its own", { method: "PURGE" }],
  ])("never if it is %s", async (_what, init) => {
    for (const bad of [refuses, fails(503), fails(502)]) {
      reached = [];
      does = { A: bad, B: bad, C: bad };
      const edge = await startPool({ retry });
      await statuses(edge, 1, init);
      expect(reached).toHaveLength(1);
    }
  });

  it("never if it is a POST whose Idempotency-Key the upstream does not get", async () => {
    does = { A: fails(503), B: fails(503), C: fails(503) };
    const headers = { "Idempotency-Key": "one" };
    const removed = { request: { headers: { remove: ["Idempotency-Key"] } } };
    const renamed = { request: { headers: { rename: { "Idempotency-Key": "X-Key" } } } };
    for (const [route, more] of [
      [removed, {}],
      [renamed, {}],
      [{}, { Connection: "Idempotency-Key" }],
    ] as const) {
      reached = [];
      const edge = await startPool({ retry }, route);
      await statuses(edge, 1, { method: "POST", headers: { ...headers, ...more } });
      expect(reached).toHaveLength(1);
    }
  });

  it("never if the upstream may handle it by another method", async () => {
    does = { A: fails(503), B: fails(503), C: fails(503) };
    const headers = { "X-HTTP-Method-Override": "POST" };
    const edge = await startPool({ retry }, { forwardOverrides: true });
    await statuses(edge, 1, { headers });
    expect(reached).toHaveLength(1);
    reached = [];
    // Without it, the upstream gets a plain GET.
    await statuses(await startPool({ retry }), 1, { headers });
    expect(reached).toHaveLength(3);
  });

  it("to targets of its own policy only, if an edit has replaced them meanwhile", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const edge = await startPool({ targets: targetsOf("A", "B"), retry }, { timeoutMs: 120_000 });
    const { promise: isEdited, resolve: edited } = Promise.withResolvers<void>();
    does.A = does.B = async () => {
      await isEdited;
      return new Response("busy", { status: 503 });
    };
    const waiting = edge.request("/a");
    await vi.waitFor(() => expect(reached).toHaveLength(1));
    await publishPolicy(policyWith({ targets: targetsOf("C"), retry }));
    vi.advanceTimersByTime(30_000);
    expect(await statuses(edge, 2)).toEqual([200, 200]);
    expect(countOf("C")).toBe(2);
    edited();
    expect((await waiting).status).toBe(503);
    expect(countOf("C")).toBe(2);
    expect(countOf("A") + countOf("B")).toBeGreaterThan(1);
  });

  it("never once its response has begun, even if that breaks off", async () => {
    does = { A: diesInBody, B: diesInBody, C: diesInBody };
    const edge = await startPool({ retry });
    const response = await edge.request("/a");
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    await ended();
    expect(reached).toHaveLength(1);
  });

  it.each([400, 404, 429, 500, 501])("never after a status that is an answer: %i", async (status) => {
    does = { A: fails(status), B: fails(status), C: fails(status) };
    const edge = await startPool({ retry, eject: { failures: 1 } });
    expect(await statuses(edge, 3)).toEqual(times(3, status));
    expect(reached).toHaveLength(3);
    expect(metricsOf(edge, "upstreamEjected")).toEqual({});
  });

  it("never after a 503 with Retry-After, which ejects no target", async () => {
    const busy = fails(503, { "Retry-After": "30" });
    does = { A: busy, B: busy, C: busy };
    const edge = await startPool({ retry, eject: { failures: 1 } });
    const response = await edge.request("/a");
    expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "30"]);
    expect(reached).toHaveLength(1);
    expect(metricsOf(edge, "upstreamEjected")).toEqual({});
  });

  it("never for a failure that the policy does not name, and not at all with 0 attempts", async () => {
    does = { A: fails(502), B: fails(502), C: fails(502) };
    const some = await startPool({ retry: { attempts: 2, on: ["connect", 503] } });
    expect(await statuses(some, 1)).toEqual([502]);
    const none = await startPool({ retry: { attempts: 0 } });
    expect(await statuses(none, 1)).toEqual([502]);
    expect(reached).toHaveLength(2);
  });

  it("at most as often as the budget allows: three a second at first", async () => {
    does = { A: refuses, B: refuses, C: refuses };
    const edge = await startPool({ retry: { attempts: 5, budget: 0.2 } });
    expect(await statuses(edge, 20)).toEqual(times(20, 502));
    const retries = metricsOf(edge, "upstreamRetries");
    expect(retries["api failed"]).toBe(30);
    expect(retries["api over_budget"]).toBeGreaterThan(10);
    expect(reached).toHaveLength(50);
  });

  it("the last response reaches the client if no other works", async () => {
    does = { A: fails(503), B: fails(503), C: fails(503) };
    const edge = await startPool({ retry });
    const response = await edge.request("/a");
    expect([response.status, await response.text()]).toEqual([503, "status 503"]);
    expect(reached).toHaveLength(3);
  });
});

describe("the deadline of a route", () => {
  it.each([
    ["hangs", "504 upstream_timeout", hangs],
    ["refuses connections", "502 upstream_error", refuses],
  ])("holds over all tries, if every target %s", async (_how, code, bad) => {
    does = { A: bad, B: bad, C: bad };
    const edge = await startPool({ retry: { attempts: 5, on: ["connect", "timeout"] } }, { timeoutMs: 240 });
    for (const method of ["GET", "POST"]) {
      const startedMs = performance.now();
      expect(await problemCode(await edge.request("/a", { method }))).toBe(code);
      expect(performance.now() - startedMs).toBeLessThan(600);
    }
  });

  it("is for one try if timeouts are not retried, so a slow target is not cut off", async () => {
    const slow: Upstream = async () => {
      await new Promise((resolve) => {
        setTimeout(resolve, 80);
      });
      return new Response("slow");
    };
    does = { A: slow, B: slow, C: slow };
    const edge = await startPool({ retry: { attempts: 2 } }, { timeoutMs: 2_000 });
    expect(await statuses(edge, 1)).toEqual([200]);
    expect(reached).toHaveLength(1);
  });

  it("holds for the wait for a first list of targets, too", async () => {
    vi.stubGlobal("fetch", (_url: string, { signal }: RequestInit) =>
      hangs(new Request("https://x.example", { signal: signal ?? null })),
    );
    const discover = { url: "https://consul.example", format: "consul" } as const;
    const edge = await startPool({ targets: undefined, discover }, { timeoutMs: 100 });
    const startedMs = performance.now();
    const answers = await Promise.all([edge.request("/a"), edge.request("/a")]);
    expect(answers.map(({ status }) => status)).toEqual([502, 502]);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  it("begins after the body of a request that may be sent again", async () => {
    const edge = await startPool({}, { timeoutMs: 60 });
    const { readable, writable } = new FixedLengthStream(2);
    const answer = edge.request("/a", { method: "PUT", body: readable, headers: { "Content-Length": "2" } });
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("a"));
    await new Promise((resolve) => {
      setTimeout(resolve, 120);
    });
    await writer.write(new TextEncoder().encode("b"));
    await writer.close();
    expect((await answer).status).toBe(200);
  });

  it("does not wait for a client that breaks off its body", async () => {
    const edge = await startPool();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const answer = edge.request("/a", { method: "PUT", body: readable, headers: { "Content-Length": "9" } });
    await writable.abort(new Error("left"));
    expect((await answer).status).toBe(400);
    expect(reached).toEqual([]);
  });
});

describe("a target that fails", () => {
  const eject = { failures: 3, forMs: 1_000 };

  it("is ejected, probed once for each period by no request of a user, and comes back by itself", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    does.A = refuses;
    const edge = await startPool({ eject, probe: { path: "/health" } });
    expect(await statuses(edge, 12)).toEqual(times(12, 200));
    expect(countOf("A")).toBe(3);
    await statuses(edge, 10);
    expect([countOf("A"), probes]).toEqual([3, []]);
    for (let period = 1; period <= 3; period++) {
      vi.advanceTimersByTime(1_000);
      await statuses(edge, 6);
      expect([countOf("A"), probes.length]).toEqual([3, period]);
    }
    does.A = works;
    vi.advanceTimersByTime(1_000);
    // The first finds the probe due.
    await statuses(edge, 1);
    await statuses(edge, 6);
    expect(countOf("A")).toBe(5);
    expect(metricsOf(edge, "upstreamEjected")).toEqual({ "api 0": 0 });
  });

  it.each<[path: string | undefined, status: number, isBack: boolean]>([
    ["/health", 200, true],
    ["/health", 302, true],
    ["/health", 404, false],
    ["/health", 503, false],
    [undefined, 404, true],
    [undefined, 401, true],
    [undefined, 500, false],
  ])("with the probe %s that answers %i: back is %s", async (path, status, isBack) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    does.A = refuses;
    const edge = await startPool({
      eject: { failures: 1, forMs: 1_000 },
      ...(path ? { probe: { path } } : {}),
    });
    await statuses(edge, 3);
    expect(countOf("A")).toBe(1);
    let probed = "";
    does.A = (request) => {
      probed = new URL(request.url).pathname;
      return new Response(null, { status });
    };
    vi.advanceTimersByTime(1_000);
    await statuses(edge, 1);
    expect(probed).toBe(path ?? "/");
    await statuses(edge, 6);
    expect(countOf("A") > 1).toBe(isBack);
  });

  it("in the middle of its bodies is ejected too", async () => {
    does.A = diesInBody;
    const edge = await startPool({ eject });
    await statuses(edge, 30);
    expect(countOf("A")).toBe(3);
    expect(metricsOf(edge, "upstreamRequests")["api 0 broken"]).toBe(3);
  });

  it("by a status that is none is ejected, and another target gets the request", async () => {
    does.A = () => Object.defineProperty(new Response(null), "status", { value: 999 });
    const edge = await startPool({ eject });
    expect(await statuses(edge, 12)).toEqual(times(12, 200));
    expect(countOf("A")).toBe(3);
  });

  it("is not blamed for a client that leaves", async () => {
    const edge = await startPool({ eject: { failures: 1 } });
    does.A =
      does.B =
      does.C =
        () =>
          new Response(
            new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000)) }),
          );
    for (let i = 0; i < 6; i++) {
      const response = await edge.request("/a");
      await response.body?.cancel();
    }
    await ended();
    expect(metricsOf(edge, "upstreamEjected")).toEqual({});
  });

  it("istio#20135: and all others too: all are used, and answers with 502, not with an error of our own", async () => {
    does = { A: refuses, B: refuses, C: refuses };
    const edge = await startPool({ eject: { failures: 1, forMs: 60_000 } });
    expect(await statuses(edge, 9)).toEqual(times(9, 502));
    does = { A: works, B: works, C: works };
    // Without a wait for a probe.
    expect(await statuses(edge, 9)).toEqual(times(9, 200));
  });

  it("Kong#7652: stays ejected when the policy is edited, and a new target has none of its failures", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    does.A = refuses;
    const pool = { targets: targetsOf("A", "B"), eject: { failures: 1, forMs: 600_000 } };
    const edge = await startEdge({ policy: policyWith(pool), bindings, variables });
    await statuses(edge, 6);
    expect(countOf("A")).toBe(1);
    await publishPolicy(policyWith({ ...pool, targets: targetsOf("C", "B", "A") }));
    vi.advanceTimersByTime(30_000);
    await statuses(edge, 12);
    expect([countOf("A"), countOf("C")]).toEqual([1, 6]);
    expect(metricsOf(edge, "upstreamEjected")).toEqual({ "api 0": 0, "api 2": 1 });
  });

  it("is a missing binding: 502 if there is no other", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const edge = await startPool({ targets: [{ url: "service:NOWHERE" }, { url: "service:A" }] });
    expect(await statuses(edge, 4)).toEqual(times(4, 200));
    const alone = await startPool({ targets: [{ url: "service:NOWHERE" }] });
    expect(await statuses(alone, 2)).toEqual([502, 502]);
  });
});

describe("a pool whose targets are discovered", () => {
  const discover = {
    url: "https://consul.example/v1/health/service/api?passing=true",
    format: "consul",
    everySeconds: 15,
  } as const;
  const consul = (...hosts: string[]) =>
    Response.json(
      hosts.map((Address) => ({ Service: { Address, Port: 443 }, Checks: [{ Status: "passing" }] })),
    );
  const NEW_URL = "https://new-consul.example/v1/health/service/api";
  let registry: () => Response | Promise<Response>;
  let newRegistry: () => Response | Promise<Response>;
  let asked: number;
  let hosts: string[];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"] });
    asked = 0;
    hosts = [];
    registry = () => consul("one.example", "two.example");
    newRegistry = () => consul("three.example");
    vi.stubGlobal("fetch", (url: string) => {
      if (url === discover.url) {
        asked += 1;
        return registry();
      }
      if (url === NEW_URL) return newRegistry();
      hosts.push(new URL(url).hostname);
      return new Response("fine");
    });
  });

  const start = (everySeconds = 15) =>
    startPool({ targets: undefined, discover: { ...discover, everySeconds } });

  it("gets them before its first request, once for all requests that wait, and again in the background", async () => {
    const edge = await start();
    const answers = await Promise.all(Array.from({ length: 8 }, () => edge.request("/a")));
    expect(answers.map(({ status }) => status)).toEqual(times(8, 200));
    expect([asked, new Set(hosts)]).toEqual([1, new Set(["one.example", "two.example"])]);
    registry = () => consul("three.example");
    vi.advanceTimersByTime(14_000);
    await statuses(edge, 2);
    expect(asked).toBe(1);
    vi.advanceTimersByTime(1_000);
    await statuses(edge, 1);
    hosts = [];
    await statuses(edge, 3);
    expect([asked, new Set(hosts)]).toEqual([2, new Set(["three.example"])]);
  });

  it.each<[what: string, answer: () => Response | Promise<Response>]>([
    ["empty", () => Response.json([])],
    ["not JSON", () => new Response("<html>")],
    ["an error", () => new Response("[]", { status: 500 })],
    ["a redirect", () => Response.redirect("https://elsewhere.example", 302)],
    ["of the other format", () => Response.json([{ targets: ["evil.example:443"] }])],
    ["too long", () => new Response(`[${" ".repeat(1_100_000)}]`)],
    ["a failure", () => Promise.reject(new Error("refused"))],
  ])("keeps the last good list if the answer is %s, and reports its age", async (_what, answer) => {
    const edge = await start();
    await statuses(edge, 1);
    registry = answer;
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(15_000);
      expect(await statuses(edge, 2)).toEqual([200, 200]);
    }
    expect([asked, new Set(hosts)]).toEqual([4, new Set(["one.example", "two.example"])]);
    expect(metricsOf(edge, "upstreamListAge")["api"]).toBeGreaterThanOrEqual(45_000);
  });

  /** The policy's edit, and the time in which isolates learn of it. */
  const move = async () => {
    await publishPolicy(policyWith({ discover: { ...discover, url: NEW_URL } }));
    vi.advanceTimersByTime(30_000);
  };

  it("begins anew with another list: no request goes to a target of the one before, and the first waits for it", async () => {
    const edge = await start();
    await statuses(edge, 2);
    hosts = [];
    await move();
    expect(await statuses(edge, 2)).toEqual([200, 200]);
    expect(hosts).toEqual(["three.example", "three.example"]);
  });

  it("has no target if another list does not answer, although the one before did", async () => {
    const edge = await start();
    await statuses(edge, 1);
    hosts = [];
    newRegistry = () => Response.json([]);
    await move();
    expect([await statuses(edge, 1), hosts]).toEqual([[502], []]);
    newRegistry = () => consul("three.example");
    vi.advanceTimersByTime(1_000);
    expect([await statuses(edge, 1), hosts]).toEqual([[200], ["three.example"]]);
  });

  it("ignores an answer of the list before that comes after the edit", async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const edge = await start();
    await statuses(edge, 1);
    registry = () => promise;
    vi.advanceTimersByTime(15_000);
    await statuses(edge, 1);
    expect(asked).toBe(2);
    hosts = [];
    await move();
    await statuses(edge, 1);
    resolve(consul("one.example"));
    await ended();
    expect(await statuses(edge, 2)).toEqual([200, 200]);
    expect(new Set(hosts)).toEqual(new Set(["three.example"]));
  });

  it("answers with 502 while there is no list, and recovers", async () => {
    registry = () => Response.json([]);
    const edge = await start();
    expect(await statuses(edge, 1)).toEqual([502]);
    registry = () => consul("one.example");
    vi.advanceTimersByTime(1_000);
    expect(await statuses(edge, 2)).toEqual([200, 200]);
  });
});
