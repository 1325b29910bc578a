/** Routes with `usage`: what is reserved, what is charged in the end however a response ends, and that its bytes stay what they were. */
import { describe, expect, it, vi } from "vitest";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { LimitDocument, RouteDocument } from "../../src/policy/schema.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge, type Upstream } from "../fixtures/edge-app.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";
import { problemCode } from "../fixtures/edge-problem.ts";
import { app as demoOrigin } from "../../examples/origin/src/app.ts";

type Usage = NonNullable<RouteDocument["usage"]>;

const TOKENS = { name: "tokens", unit: "tokens", kind: "quota", amount: 100_000, per: "month" } as const;
const SLOT = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 3_600_000 } as const;
const USAGE: Usage = { unit: "tokens", reserve: 4_000, from: "openai" };

const CHAT = `{"choices": [{"message": {"content": "für 😀"}}], "usage": {"total_tokens": 29}}`;
const EVENTS = [
  `data: {"choices":[{"delta":{"content":"für "}}],"usage":null}\n\n`,
  `data: {"choices":[{"delta":{"content":"😀"}}],"usage":null}\n\n`,
  `data: {"choices":[],"usage":{"total_tokens":29}}\n\n`,
  "data: [DONE]\n\n",
];
const MESSAGE = [
  `event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}\n\n`,
  `event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}\n\n`,
];

const json = (text: BodyInit, init: ResponseInit = {}) =>
  new Response(text, { ...init, headers: { "Content-Type": "application/json", ...init.headers } });
const sse = (body: BodyInit) => new Response(body, { headers: { "Content-Type": "text/event-stream" } });

async function gzipped(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Response(text).body?.pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(body).arrayBuffer());
}

/** A stream that a test writes piece by piece. */
function pipe() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  return {
    readable,
    send: (text: string) => writer.write(encoder.encode(text)),
    end: () => writer.close(),
    fail: () => writer.abort(new Error("the upstream broke off")),
    /** Whether it is still read. */
    closed: writer.closed,
  };
}

/** A user of one route. */
interface User {
  readonly edge: Edge;
  post(body?: BodyInit, more?: Record<string, string>): Promise<Response>;
  head(): Promise<Response>;
  socket(): Promise<Response>;
  /** What the user's limits have left. */
  left(): Promise<Record<string, number>>;
  /** Tokens charged after all background work. */
  charged(): Promise<number>;
}

/** A new user for each of these routes, which one edge has. */
async function users(
  routes: readonly { readonly usage: Partial<Usage>; readonly upstream: Upstream }[],
  limits: LimitDocument[] = [TOKENS],
): Promise<User[]> {
  const documents = routes.map(({ usage }, i): RouteDocument => ({
    match: `/v1/${i}`,
    usage: { ...USAGE, ...usage },
  }));
  const edge = await startEdge({
    policy: policyOfTier({ limits }, documents),
    upstream: (request) => {
      const route = routes[Number(new URL(request.url).pathname.slice("/v1/".length))];
      if (!route) throw new Error("there is no such route");
      return route.upstream(request);
    },
  });
  return routes.map((_route, i) => {
    const headers = newAddress();
    const left = async () => {
      const response = await edge.request("/api/v1/rate-limit/status", { headers });
      const status: { limits: { name: string; remaining: number }[] } = await response.json();
      return Object.fromEntries(status.limits.map(({ name, remaining }) => [name, remaining]));
    };
    return {
      edge,
      left,
      post: (body = "{}", more = {}) =>
        edge.request(`/v1/${i}`, { method: "POST", body, headers: { ...headers, ...more } }),
      head: () => edge.request(`/v1/${i}`, { method: "HEAD", headers }),
      socket: () => edge.request(`/v1/${i}`, { headers: { ...headers, Upgrade: "websocket" } }),
      async charged() {
        await edge.backgroundDone();
        return Math.round((TOKENS.amount - ((await left())["tokens"] ?? 0)) * 1_000) / 1_000;
      },
    };
  });
}

async function user(upstream: Upstream, usage: Partial<Usage> = {}, limits?: LimitDocument[]): Promise<User> {
  const [only] = await users([{ usage, upstream }], limits);
  if (!only) throw new Error("there is no user");
  return only;
}

describe("a request is charged in the end", () => {
  it("what its response comes to", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const cases: [what: string, usage: Partial<Usage>, upstream: Upstream, tokens: number][] = [
      ["what OpenAI's JSON reports", {}, () => json(CHAT), 29],
      ["what OpenAI's events report", {}, () => sse(EVENTS.join("")), 29],
      ["what Anthropic's events report", { from: "anthropic" }, () => sse(MESSAGE.join("")), 40],
      ["more than it has reserved", {}, () => json('{"usage": {"total_tokens": 9000}}'), 9_000],
      ["nothing, if the response says so", {}, () => json('{"usage": {"total_tokens": 0}}'), 0],
      ["what is reserved, if the response says nothing", {}, () => json("{}"), 4_000],
      ["nothing, if the route refunds what is unknown", { onUnknown: "refund" }, () => json("{}"), 0],
      ["what is reserved, if there is no body", {}, () => new Response(null, { status: 204 }), 4_000],
      ["nothing, if the upstream fails", {}, () => json(CHAT, { status: 503 }), 0],
      [
        "what is reserved then, if the route keeps it",
        { onError: "keep" },
        () => json(CHAT, { status: 503 }),
        4_000,
      ],
      ["nothing, if the upstream cannot be reached", {}, () => Promise.reject(new Error("refused")), 0],
      ["nothing, if the upstream rejects it", {}, () => json('{"error": {}}', { status: 429 }), 0],
      ["what a rejection reports", {}, () => json(CHAT, { status: 400 }), 29],
    ];
    const each = await users(cases.map(([, usage, upstream]) => ({ usage, upstream })));
    await Promise.all(each.map(async ({ post }) => (await post()).text()));
    for (const [i, [what, , , tokens]] of cases.entries()) {
      expect(await each[i]?.charged(), what).toBe(tokens);
    }
    vi.restoreAllMocks();
  });

  it("what the header X-Usage-Cost says, which no client sees", async () => {
    const cases: [value: string | null, tokens: number][] = [
      ["12.5", 12.5],
      ["0", 0],
      ["0.0001", 0.001],
      [" 7 ", 7],
      ["-1", 4_000],
      ["1e3", 4_000],
      ["words", 4_000],
      [null, 4_000],
    ];
    const each = await users(
      cases.map(([value]) => ({
        usage: { from: "header" },
        upstream: () => new Response("any", { headers: value === null ? {} : { "X-Usage-Cost": value } }),
      })),
    );
    for (const [i, [value, tokens]] of cases.entries()) {
      const response = await each[i]?.post();
      expect([response?.headers.has("X-Usage-Cost"), await response?.text()]).toEqual([false, "any"]);
      expect(await each[i]?.charged(), String(value)).toBe(tokens);
    }
  });

  it("nothing of the unit for a HEAD, whose response has no body to report in, unless a header does", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const status = (code: number) => () => new Response(null, { status: code });
    const reports = () => new Response(null, { headers: { "X-Usage-Cost": "12.5" } });
    const cases: [what: string, usage: Partial<Usage>, upstream: Upstream, tokens: number][] = [
      ["with a body of openai", {}, status(200), 0],
      ["with a body of anthropic", { from: "anthropic", onUnknown: "keep", onError: "keep" }, status(200), 0],
      ["rejected", { onError: "keep" }, status(405), 0],
      ["of an upstream that fails", {}, status(500), 0],
      ["of one that fails, if the route keeps", { onError: "keep" }, status(500), 4_000],
      [
        "of one that cannot be reached, if the route keeps",
        { onError: "keep" },
        () => Promise.reject(new Error("refused")),
        4_000,
      ],
      ["with a header", { from: "header" }, reports, 12.5],
      ["without a header that should be there", { from: "header" }, status(200), 4_000],
    ];
    const requests = { name: "requests", kind: "quota", amount: 100, per: "month" } as const;
    const each = await users(
      cases.map(([, usage, upstream]) => ({ usage, upstream })),
      [TOKENS, requests],
    );
    await Promise.all(each.map(({ head }) => head()));
    for (const [i, [what, , , tokens]] of cases.entries()) {
      expect(await each[i]?.charged(), what).toBe(tokens);
    }
    expect((await each[0]?.left())?.["requests"]).toBe(99);
    vi.restoreAllMocks();
  });

  it("in requests too, if the route counts them", async () => {
    const day = { name: "day", kind: "quota", amount: 100, per: "day" } as const;
    const { post, left, edge } = await user(
      () => new Response("", { headers: { "X-Usage-Cost": "7" } }),
      { unit: "requests", reserve: 50, from: "header" },
      [day],
    );
    await (await post()).text();
    await edge.backgroundDone();
    expect(await left()).toEqual({ day: 93 });
  });

  it.each([
    ["stays if the upstream rejects it", 400, {}, 99],
    ["is given back if the upstream fails", 500, {}, 100],
    ["stays if the upstream fails and the route keeps what is reserved", 500, { onError: "keep" }, 99],
  ] as const)("beside its cost in requests, which %s", async (_what, status, usage, requestsLeft) => {
    const day = { name: "day", kind: "quota", amount: 100, per: "day" } as const;
    const { post, left, edge } = await user(() => json("{}", { status }), usage, [TOKENS, day]);
    await (await post()).text();
    await edge.backgroundDone();
    expect((await left())["day"]).toBe(requestsLeft);
  });
});

describe("what is reserved", () => {
  /** What each request reserves while its response has not ended, and what the upstream got of its body. */
  async function reserved(
    requests: readonly { readonly usage: Partial<Usage>; readonly body: BodyInit }[],
  ): Promise<{ tokens: number; received: Uint8Array }[]> {
    const all = requests.map(({ usage, body }) => ({
      usage,
      body,
      stream: pipe(),
      received: new Uint8Array(),
    }));
    const each = await users(
      all.map((request) => ({
        usage: request.usage,
        upstream: async (incoming) => {
          request.received = new Uint8Array(await incoming.arrayBuffer());
          return sse(request.stream.readable);
        },
      })),
    );
    return Promise.all(
      all.map(async (request, i) => {
        const response = await each[i]?.post(request.body);
        const tokens = TOKENS.amount - ((await each[i]?.left())?.["tokens"] ?? 0);
        await Promise.all([response?.text(), request.stream.end()]);
        return { tokens, received: request.received };
      }),
    );
  }
  const from = { reserveFrom: "max_tokens" };

  it("is the policy's amount, or less if the route takes it from the body", async () => {
    const cases: [what: string, usage: Partial<Usage>, body: string, tokens: number][] = [
      ["the policy's amount", {}, '{"max_tokens": 100}', 4_000],
      ["the body's number", from, '{"max_tokens": 100}', 100],
      ["at most the policy's amount", from, '{"max_tokens": 100000}', 4_000],
      ["the policy's amount without that number", from, '{"max_output_tokens": 100}', 4_000],
      ["the policy's amount for a number that is none", from, '{"max_tokens": "100"}', 4_000],
      ["never nothing", from, '{"max_tokens": 0}', 4_000],
      ["never negative", from, '{"max_tokens": -5}', 4_000],
      ["the policy's amount for a body that is not JSON", from, "max_tokens=100", 4_000],
      ["the policy's amount for a name that all objects have", { reserveFrom: "constructor" }, "{}", 4_000],
    ];
    const results = await reserved(cases.map(([, usage, body]) => ({ usage, body })));
    for (const [i, [what, , body, tokens]] of cases.entries()) {
      expect(results[i]?.tokens, what).toBe(tokens);
      expect(new TextDecoder().decode(results[i]?.received)).toBe(body);
    }
  });

  it("is read from at most 64 KiB, and every byte is passed on, whether its length is announced or not", async () => {
    const bodies = [
      [65_536, 100],
      [65_537, 4_000],
      [300_000, 4_000],
    ].flatMap(([length = 0, tokens]) => {
      const head = '{"max_tokens": 100, "text": "';
      const rest = length - head.length - 2;
      const text = "ü".repeat(Math.floor(rest / 2)) + "x".repeat(rest % 2);
      const body = new TextEncoder().encode(`${head}${text}"}`);
      expect(body).toHaveLength(length);
      const unannounced = new Blob([body]).stream().pipeThrough(new TransformStream());
      return [body, unannounced].map((sent) => ({ sent, body, tokens }));
    });
    const results = await reserved(bodies.map(({ sent }) => ({ usage: from, body: sent })));
    for (const [i, { body, tokens }] of bodies.entries()) {
      expect([results[i]?.tokens, results[i]?.received.length]).toEqual([tokens, body.length]);
      expect(results[i]?.received.every((byte, at) => byte === body[at])).toBe(true);
    }
  });

  it("is no price: a client that reserves little pays the policy's amount if the usage stays unknown", async () => {
    const silent = EVENTS.filter((event) => !event.includes("total_tokens")).join("");
    const cases: [what: string, usage: Partial<Usage>, upstream: Upstream, tokens: number][] = [
      ["a stream that reports none", from, () => sse(silent), 4_000],
      ["a body that reports none", { ...from, from: "anthropic" }, () => json("{}"), 4_000],
      ["a header that is missing", { ...from, from: "header" }, () => new Response("any"), 4_000],
      ["a stream that reports it", from, () => sse(EVENTS.join("")), 29],
      ["a refund of what is unknown", { ...from, onUnknown: "refund" }, () => sse(silent), 0],
      ["a rejection", { ...from, onError: "keep" }, () => json("{}", { status: 400 }), 1],
    ];
    const each = await users(cases.map(([, usage, upstream]) => ({ usage, upstream })));
    for (const [i, [what, , , tokens]] of cases.entries()) {
      await (await each[i]?.post('{"max_tokens": 1}'))?.text();
      expect(await each[i]?.charged(), what).toBe(tokens);
    }
  });

  it("charges nothing for a body that breaks off before it is read, and does not ask the upstream", async () => {
    const body = pipe();
    const { post, edge, charged } = await user(() => json(CHAT), from);
    const answered = post(body.readable);
    await body.send('{"max_tokens"');
    await body.fail();
    expect(await problemCode(await answered)).toBe("400 invalid_request");
    expect(await charged()).toBe(0);
    expect(edge.forwarded).toHaveLength(0);
  });
});

describe("the bytes of a response", () => {
  it("pass as they come, and the upstream is asked for bytes that are not encoded", async () => {
    const stream = pipe();
    const { post, edge, charged } = await user(() => sse(stream.readable));
    const response = await post("{}", { "Accept-Encoding": "gzip" });
    const reader = response.body?.getReader();
    for (const event of EVENTS) {
      const sent = stream.send(event);
      const next = await reader?.read();
      expect(new TextDecoder().decode(next?.value)).toBe(event);
      await sent;
    }
    const ended = stream.end();
    expect((await reader?.read())?.done).toBe(true);
    await ended;
    expect(edge.forwarded[0]?.headers.get("Accept-Encoding")).toBe("identity");
    expect(await charged()).toBe(29);
  });

  it("stay encoded if the upstream insists, and a copy is decoded if that can be", async () => {
    const bytes = await gzipped(CHAT);
    const cases = [
      ["gzip", 29],
      ["x-gzip", 29],
      ["zstd", 4_000],
    ] as const;
    const each = await users(
      cases.map(([encoding]) => ({
        usage: {},
        upstream: () =>
          json(bytes, { encodeBody: "manual", headers: { "Content-Encoding": encoding, ETag: '"strong"' } }),
      })),
    );
    for (const [i, [encoding, tokens]] of cases.entries()) {
      const response = await each[i]?.post();
      const { headers } = response ?? new Response();
      expect([headers.get("Content-Encoding"), headers.get("ETag")]).toEqual([encoding, '"strong"']);
      expect(new Uint8Array((await response?.arrayBuffer()) ?? [])).toEqual(bytes);
      expect(await each[i]?.charged()).toBe(tokens);
    }
  });

  it("whose encoding is broken stay so, and its usage is unknown", async () => {
    const bytes = (await gzipped(CHAT)).slice(0, -9);
    const { post, charged } = await user(() =>
      json(bytes, { encodeBody: "manual", headers: { "Content-Encoding": "gzip" } }),
    );
    expect(new Uint8Array(await (await post()).arrayBuffer())).toEqual(bytes);
    expect(await charged()).toBe(4_000);
  });
});

describe("a client that leaves", () => {
  it("pays what the response comes to, which is read to its end", async () => {
    // pollinations/pollinations#5594
    const stream = pipe();
    const { post, charged } = await user(() => sse(stream.readable), { onUnknown: "refund" });
    const reader = (await post()).body?.getReader();
    const first = stream.send(EVENTS[0] ?? "");
    await reader?.read();
    await first;
    await reader?.cancel();
    for (const event of EVENTS.slice(1)) await stream.send(event);
    await stream.end();
    expect(await charged()).toBe(29);
  });

  it("pays what is reserved, if the response breaks off then", async () => {
    const stream = pipe();
    const { post, charged } = await user(() => sse(stream.readable));
    await (await post()).body?.cancel();
    await stream.send(EVENTS[0] ?? "");
    await stream.fail();
    expect(await charged()).toBe(4_000);
  });

  it("pays the policy's reserve if 32 others have left, whatever the route refunds and the client has named", async () => {
    const streams = Array.from({ length: 33 }, () => pipe());
    const { post, charged, edge } = await user(
      () => sse(streams[edge.forwarded.length - 1]?.readable ?? ""),
      { onUnknown: "refund", reserve: 1_000, reserveFrom: "max_tokens" },
    );
    for (const stream of streams) {
      const response = await post('{"max_tokens": 30}');
      await response.body?.cancel();
      // Read on, or cancelled.
      await stream.send(EVENTS[0] ?? "").catch(() => undefined);
    }
    for (const stream of streams) {
      await stream.send(EVENTS[2] ?? "").catch(() => undefined);
      await stream.end().catch(() => undefined);
    }
    expect(await charged()).toBe(32 * 29 + 1_000);
    // The places are free again.
    const next = pipe();
    streams.push(next);
    await (await post()).body?.cancel();
    await next.send(EVENTS[2] ?? "");
    await next.end();
    expect(await charged()).toBe(33 * 29 + 1_000);
  });
});

describe("a slot", () => {
  it.each<[what: string, usage: Partial<Usage>, events: readonly string[]]>([
    ["a message", { from: "anthropic" }, MESSAGE],
    [
      "a response",
      {},
      [
        `data: {"type":"response.created","response":{"usage":null}}\n\n`,
        `data: {"type":"response.completed","response":{"usage":{"total_tokens":40}}}\n\n`,
      ],
    ],
  ])("is held until the stream of %s has ended, which is charged then", async (_what, usage, events) => {
    // api7/aisix#688
    const streams = [pipe(), pipe()];
    const { post, charged, edge, left } = await user(
      () => sse(streams[edge.forwarded.length - 1]?.readable ?? ""),
      usage,
      [TOKENS, SLOT],
    );
    for (const [i, stream] of streams.entries()) {
      const text = (await post()).text();
      expect((await post()).status).toBe(429);
      for (const event of events) await stream.send(event);
      expect((await post()).status).toBe(429);
      await stream.end();
      expect(await text).toBe(events.join(""));
      expect(await charged()).toBe(40 * (i + 1));
      expect((await left())["parallel"]).toBe(1);
    }
  });
});

it("a WebSocket is charged what is reserved, and gives its slot back when it closes", async () => {
  const { edge, left, charged, socket } = await user(
    (request) => demoOrigin.fetch(new Request("https://origin/ws", request)),
    {},
    [TOKENS, SLOT],
  );
  for (let i = 1; i <= 2; i++) {
    const { webSocket } = await socket();
    expect((await left())["parallel"]).toBe(0);
    webSocket?.accept();
    webSocket?.close(1000);
    await expect.poll(async () => (await left())["parallel"]).toBe(1);
    await edge.backgroundDone();
    expect(await charged()).toBe(4_000 * i);
  }
});

describe("a policy with usage", () => {
  const faults = (usage: object, limits: LimitDocument[] = [TOKENS]) => {
    const route = { match: "/v1/*", cost: 1, usage: { ...USAGE, ...usage } };
    const day = { name: "day", kind: "quota", amount: 10_000, per: "day" } as const;
    const compiled = compilePolicy({ ...policyOfTier({ limits: [...limits, day] }), routes: [route] }, 1);
    return compiled.ok ? [] : compiled.faults.map(({ path }) => path);
  };

  it.each<[fault: string, usage: object, path: string]>([
    ["a unit that no limit counts", { unit: "token" }, "/routes/0/usage/unit"],
    ["a reserve that no tier holds", { reserve: 100_001 }, "/routes/0/usage/reserve"],
    ["a unit that the cost has too", { unit: "requests" }, "/routes/0/usage/unit"],
    ["a reserve of nothing", { reserve: 0 }, "/routes/0/usage/reserve"],
    ["an unknown format", { from: "gemini" }, "/routes/0/usage/from"],
    ["a member that is none", { reserveFrom: "max tokens" }, "/routes/0/usage/reserveFrom"],
    ["an unknown field", { onUnkown: "keep" }, "/routes/0/usage/onUnkown"],
  ])("is rejected with the path: %s", (_fault, usage, path) => {
    expect(faults(usage)).toEqual([path]);
  });

  it("is accepted", () => {
    expect(faults({ onError: "keep", onUnknown: "refund", reserveFrom: "max_tokens" })).toEqual([]);
  });

  it("applies to other spellings of its paths", async () => {
    const routes: RouteDocument[] = [
      { match: "/v1/chat", usage: USAGE },
      { match: "/*", cost: 1 },
    ];
    const edge = await startEdge({
      policy: policyOfTier({ limits: [TOKENS] }, routes),
      upstream: () => json("{}"),
    });
    const response = await edge.request("/V1/Chat/", { headers: newAddress() });
    expect(response.headers.get("RateLimit")).toContain('"tokens";r=96000');
  });
});
