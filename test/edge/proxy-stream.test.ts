/**
 * Bodies and upstreams: bodies stream in both directions, the first byte has a deadline, and each kind of failure has its own
 * response.
 */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { gateway } from "../../src/gateway/gateway.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { startEdge, type Upstream } from "../fixtures/edge-app.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";
import { problemCode } from "../fixtures/edge-problem.ts";
import { app as demoOrigin } from "../../examples/origin/src/app.ts";

const UNLIMITED = policyOfTier({ limits: [] });
const text = new TextDecoder();
const bytes = (content: string) => new TextEncoder().encode(content);

/** A stream that a test writes chunk by chunk. */
function pipe() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return { readable, send: (content: string) => writer.write(bytes(content)), end: () => writer.close() };
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return text.decode(value);
}

function readerOf(body: ReadableStream<Uint8Array> | null): ReadableStreamDefaultReader<Uint8Array> {
  if (!body) throw new Error("there is no body");
  return body.getReader();
}

/** Rejects as soon as the gateway gives up, as a real fetch does. */
const hanging: Upstream = ({ signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
  });

let errors = vi.spyOn(console, "warn");
beforeEach(() => {
  errors = vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a body", () => {
  it("reaches the upstream while the client is still sending", async () => {
    const body = pipe();
    let received = "";
    const edge = await startEdge({
      policy: UNLIMITED,
      upstream: async (request) => {
        const reader = readerOf(request.body);
        received = await next(reader);
        // Only now does the client send the rest: a gateway that buffers would wait for ever.
        const rest = body.send("second").then(() => body.end());
        received += ` ${await next(reader)}`;
        await rest;
        return new Response("done");
      },
    });
    const answer = edge.request("/a", { method: "POST", body: body.readable });
    await body.send("first");
    expect(await (await answer).text()).toBe("done");
    expect(received).toBe("first second");
  });

  it("reaches the client while the upstream is still sending", async () => {
    const body = pipe();
    const edge = await startEdge({ policy: UNLIMITED, upstream: () => new Response(body.readable) });
    const reader = readerOf((await edge.request("/a")).body);
    for (const chunk of ["first", "second", "third"]) {
      const sent = body.send(chunk);
      expect(await next(reader)).toBe(chunk);
      await sent;
    }
    const ended = body.end();
    expect((await reader.read()).done).toBe(true);
    await ended;
  });

  it("goes both ways at once, byte for byte", async () => {
    const content = crypto.getRandomValues(new Uint8Array(60_000));
    const edge = await startEdge({ policy: UNLIMITED, upstream: (request) => demoOrigin.fetch(request) });
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const response = await edge.request("/echo", { method, body: content });
      expect(response.headers.get("X-Echo-Method")).toBe(method);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(content);
    }
  });

  it("of a denied request does not reach the upstream", async () => {
    const tier = { limits: [{ name: "minute", kind: "bucket", tokens: 1, per: "minute" } as const] };
    const edge = await startEdge({ policy: policyOfTier(tier) });
    const headers = newAddress();
    await edge.request("/a", { headers });
    const request = new Request("https://edge.test/a", { method: "POST", body: "x", headers });
    expect((await edge.request(request.url, request)).status).toBe(429);
    expect(edge.forwarded).toHaveLength(1);
  });

  it("is absent for HEAD, and the upstream sees HEAD", async () => {
    const edge = await startEdge({
      policy: UNLIMITED,
      upstream: () => new Response(null, { headers: { ETag: '"1"' } }),
    });
    const response = await edge.request("/a", { method: "HEAD" });
    expect([response.status, response.body, response.headers.get("ETag")]).toEqual([200, null, '"1"']);
    expect(edge.forwarded[0]?.method).toBe("HEAD");
  });
});

describe("a slot of a concurrency limit", () => {
  const slots = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 60_000 } as const;
  const one = { ...policyOfTier({ limits: [slots] }), cors: { origins: ["https://app.example"] } };

  it.each<[what: string, method: string, path: string, upstream: Upstream]>([
    ["an answered GET", "GET", "/a", () => new Response("a body")],
    ["a response without a body", "DELETE", "/a", () => new Response(null, { status: 204 })],
    ["a 304 response", "GET", "/a", () => new Response(null, { status: 304 })],
    ["a failed GET", "GET", "/a", () => Promise.reject(new Error("x"))],
    ["an answered HEAD", "HEAD", "/a", () => new Response("what HEAD leaves out")],
    ["a failed HEAD", "HEAD", "/a", () => Promise.reject(new Error("x"))],
    ["a failed HEAD of a path with an escape", "HEAD", "/%C3%A9", () => Promise.reject(new Error("x"))],
  ])("is released after %s", async (_what, method, path, upstream) => {
    const edge = await startEdge({ policy: one, upstream });
    const headers = newAddress();
    for (let i = 0; i < 2; i++) {
      const response = await edge.request(path, { method, headers });
      expect(response.status).not.toBe(429);
      await response.text();
      await edge.backgroundDone();
    }
  });

  it("is held until the response has been sent or the client has left, and no longer", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const bodies = [pipe(), pipe()];
    const edge = await startEdge({
      policy: one,
      upstream: () => new Response(bodies[edge.forwarded.length - 1]?.readable ?? "a body"),
    });
    const headers = newAddress();
    const asked = async () => edge.request("/a", { headers });
    /** Retries while the clock stands still. */
    const admitted = async () => {
      let response = await asked();
      while (response.status === 429) {
        await scheduler.wait(10);
        response = await asked();
      }
      return response;
    };
    const first = await admitted();
    expect([(await asked()).status, (await asked()).status]).toEqual([429, 429]);
    await Promise.all([bodies[0]?.end(), first.text()]);
    const second = await admitted();
    expect((await asked()).status).toBe(429);
    await second.body?.cancel();
    expect(await (await admitted()).text()).toBe("a body");
  });
});

describe("an upstream", () => {
  const fast = policyOfTier({ limits: [] }, [{ match: "/*", timeoutMs: 30 }]);

  it("that exceeds the route's timeout gives 504 without further delay", async () => {
    const edge = await startEdge({ policy: fast, upstream: hanging });
    const startedMs = performance.now();
    const response = await edge.request("/a");
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(await problemCode(response)).toBe("504 upstream_timeout");
    expect(edge.forwarded[0]?.signal.aborted).toBe(true);
  });

  it("that is a URL times out in the same way", async () => {
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => hanging(new Request(url, init)));
    const edge = await startEdge({ policy: fast, variables: { UPSTREAM: "https://api.example" } });
    expect(await problemCode(await edge.request("/a"))).toBe("504 upstream_timeout");
  });

  it("that has begun to answer may exceed the timeout for the rest", async () => {
    const body = pipe();
    const edge = await startEdge({ policy: fast, upstream: () => new Response(body.readable) });
    const response = await edge.request("/a");
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    const sent = body.send("late").then(() => body.end());
    expect(await response.text()).toBe("late");
    await sent;
  });

  it.each<[what: string, upstream: Upstream]>([
    ["throws", () => Promise.reject(new Error("secret-host.internal refused"))],
    ["throws a value that is not an Error", () => Promise.reject("secret-host.internal")],
  ])("that %s gives 502, and its reason is only in the log", async (_what, upstream) => {
    const warnings = vi.spyOn(console, "warn").mockReturnValue();
    const edge = await startEdge({ policy: UNLIMITED, upstream, variables: { LOG_LEVEL: "warn" } });
    const response = await edge.request("/a");
    const shown = await response.clone().text();
    expect(await problemCode(response)).toBe("502 upstream_error");
    expect(shown).not.toContain("internal");
    expect(JSON.stringify(warnings.mock.calls)).toContain("secret-host.internal");
  });

  it("that fails is still charged for, since the limiter decided before", async () => {
    const tier = { limits: [{ name: "minute", kind: "bucket", tokens: 2, per: "minute" } as const] };
    const edge = await startEdge({
      policy: policyOfTier(tier),
      upstream: () => Promise.reject(new Error("x")),
    });
    const headers = newAddress();
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await edge.request("/a", { headers })).status);
    expect(statuses).toEqual([502, 502, 429]);
  });

  it.each<[what: string, variables: Partial<Env>]>([
    ["is not configured", { UPSTREAM: "" }],
    ["is a missing binding", { UPSTREAM: "service:NOWHERE" }],
    ["is a binding that is not a service", { UPSTREAM: "service:LOG_LEVEL" }],
    ["is a property of every object", { UPSTREAM: "service:CONSTRUCTOR" }],
  ])("that %s gives 502, and an error in the log", async (_what, variables) => {
    const edge = await startEdge({ policy: UNLIMITED, variables });
    expect(await problemCode(await edge.request("/a"))).toBe("502 upstream_error");
    expect(errors).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("upstream_missing"));
  });
});

describe("the slot of a request", () => {
  const slot = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 3_600_000 } as const;
  const slotted = policyOfTier({ limits: [slot] });

  it("is released if there is an unexpected exception instead of a response", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const { services } = await startEdge({ policy: slotted });
    const fails = gateway(services, () => Promise.reject(new Error("unexpected")));
    const headers = newAddress();
    for (let i = 0; i < 3; i++) {
      const context = createExecutionContext();
      const response = await fails(new Request("https://api.example/a", { headers }), env, context);
      expect(response.status).toBe(500);
      await waitOnExecutionContext(context);
    }
  });

  it("is tracked until there is a response, even if the client leaves first", async () => {
    const { services } = await startEdge({ policy: slotted });
    const kept: Promise<unknown>[] = [];
    let answer = (_response: Response): void => undefined;
    const reached = new Promise<void>((resolve) => {
      const waits = gateway(services, () => {
        resolve();
        return new Promise<Response>((done) => {
          answer = done;
        });
      });
      const request = new Request("https://api.example/a", { headers: newAddress() });
      void waits(request, env, { waitUntil: (work) => void kept.push(work) });
    });
    await reached;
    await Promise.resolve();
    const isLate = await Promise.race([
      Promise.all(kept).then(() => false),
      scheduler.wait(20).then(() => true),
    ]);
    expect([kept.length > 0, isLate]).toEqual([true, true]);
    answer(new Response("late"));
    await Promise.all(kept);
  });
});

describe.each([
  ["without CORS", {}],
  ["with CORS", { cors: { origins: ["https://app.example"] } }],
])("a WebSocket, %s", (_what, changes) => {
  it("is relayed with its limits, and messages pass both ways", async () => {
    const edge = await startEdge({
      policy: {
        ...policyOfTier({ limits: [{ name: "minute", kind: "bucket", tokens: 5, per: "minute" }] }),
        ...changes,
      },
      upstream: (request) => demoOrigin.fetch(request),
    });
    const response = await edge.request("/ws", {
      headers: {
        Upgrade: "websocket",
        Connection: "Upgrade",
        Origin: "https://app.example",
        ...newAddress(),
      },
    });
    expect(response.status).toBe(101);
    expect(response.headers.get("X-RateLimit-Remaining")).toBe("4");
    expect(edge.forwarded[0]?.headers.get("Upgrade")).toBe("websocket");
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

  it("that holds a slot is relayed with its limits, and releases the slot when it closes", async () => {
    const slot = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 3_600_000 } as const;
    const edge = await startEdge({
      policy: { ...policyOfTier({ limits: [slot] }), ...changes },
      upstream: (request) => demoOrigin.fetch(request),
    });
    const headers = { Upgrade: "websocket", Origin: "https://app.example", ...newAddress() };
    for (let i = 0; i < 3; i++) {
      const response = await edge.request("/ws", { headers });
      expect([response.status, response.headers.get("RateLimit")]).toEqual([101, '"parallel";r=0;t=1']);
      const socket = response.webSocket;
      if (!socket) throw new Error("there is no socket");
      socket.accept();
      const echoed = new Promise<unknown>((resolve) => {
        socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
      });
      socket.send("hello");
      expect(await echoed).toBe("hello");
      const denied = await edge.request("/ws", { headers });
      expect([denied.status, denied.headers.get("Retry-After")]).toEqual([429, "1"]);
      const closed = new Promise((resolve) => {
        socket.addEventListener("close", resolve, { once: true });
      });
      socket.close(1000);
      await closed;
      await edge.backgroundDone();
    }
  });
});
