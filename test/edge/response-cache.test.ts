/** What the edge response cache sends from its store, and when it asks the upstream (docs/cache.md). */
import { afterEach, describe, expect, it, vi } from "vitest";
import { newAddress } from "../fixtures/edge-account.ts";
import { type CachedEdge, cachedEdge, counting, newPage } from "../fixtures/edge-cache.ts";
import { publishPolicy, type Upstream } from "../fixtures/edge-app.ts";
import { policyOfTier, THREE_A_MINUTE } from "../fixtures/edge-policy.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** Lets time pass for everything that reads the clock, but not for the store. */
function pass(seconds: number): void {
  const now = Date.now();
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(now + seconds * 1_000);
}

/** An edge with a stored page. */
async function storedPage(upstream: Upstream): Promise<{ edge: CachedEdge; page: string }> {
  const edge = await cachedEdge(upstream);
  const page = newPage();
  expect((await edge.get(page)).text).toBe("answer 1");
  return { edge, page };
}

/** Makes something when it is first needed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
}

describe("a cached route", () => {
  it("asks the upstream once, and says where each response comes from", async () => {
    const edge = await cachedEdge(counting({ "Content-Type": "text/plain", ETag: '"1"' }));
    const page = newPage();
    const first = await edge.get(page);
    expect([first.status, first.text, first.cache]).toEqual([200, "answer 1", "fwd=miss; stored"]);
    pass(7);
    const second = await edge.get(page);
    expect([second.status, second.text, second.cache]).toEqual([200, "answer 1", "hit; ttl=52"]);
    expect(second.headers.get("Content-Type")).toBe("text/plain");
    expect(second.headers.get("Content-Length")).toBe("8");
    expect(second.headers.get("Age")).toBe("7");
    expect(second.headers.get("X-Request-Id")).not.toBe(first.headers.get("X-Request-Id"));
    expect(edge.forwarded).toHaveLength(1);
    expect((await edge.get(newPage())).text).toBe("answer 2");
  });

  it("stores a response for as long as it is fresh", async () => {
    const edge = await cachedEdge(counting({ "Cache-Control": "max-age=10" }));
    const page = newPage();
    await edge.get(page);
    pass(9);
    expect((await edge.get(page)).text).toBe("answer 1");
    pass(2);
    const other = await edge.get(page);
    expect([other.text, other.cache]).toEqual(["answer 2", "fwd=stale; stored"]);
  });

  it("stores nothing that it may not store, and says why", async () => {
    const edge = await cachedEdge(counting({ "Set-Cookie": "session=1" }));
    const page = newPage();
    expect((await edge.get(page)).cache).toBe("fwd=miss; detail=set-cookie");
    expect((await edge.get(page)).text).toBe("answer 2");
  });

  it("forgets what is stored with an edit of the route, and keeps it with an edit of another", async () => {
    const edge = await cachedEdge();
    const page = newPage();
    const cache = { ttlSeconds: 60, share: "all" } as const;
    await edge.get(page);
    const publish = async (...routes: Parameters<typeof policyOfTier>[1] & object): Promise<void> => {
      await publishPolicy(policyOfTier({ limits: [] }, routes));
      await edge.services.policies.refresh(Date.now());
    };
    await publish({ match: "/other" }, { match: "/*", cost: 0, cache });
    expect((await edge.get(page)).text).toBe("answer 1");
    await publish({ match: "/*", cost: 0, cache: { ...cache, ttlSeconds: 61 } });
    expect((await edge.get(page)).text).toBe("answer 2");
  });

  it("forgets what is stored with a purge of the route or of all, and never comes back to it", async () => {
    const edge = await cachedEdge();
    const page = newPage();
    const { policies } = edge.services;
    const text = async (): Promise<string> => (await edge.get(page)).text;
    expect([await text(), await text()]).toEqual(["answer 1", "answer 1"]);
    policies.adoptPurged({ all: 0, routes: { "/other": 1 } });
    expect(await text()).toBe("answer 1");
    policies.adoptPurged({ all: 0, routes: { "/*": 2 } });
    expect([await text(), await text()]).toEqual(["answer 2", "answer 2"]);
    policies.adoptPurged({ all: 3, routes: {} });
    expect([await text(), await text()]).toEqual(["answer 3", "answer 3"]);
    policies.adoptPurged({ all: 1, routes: {} });
    expect(await text()).toBe("answer 3");
  });

  it("changes requests before they are sent, and each response after it was found", async () => {
    const edge = await cachedEdge(
      ({ url, headers }) => new Response(`${url} ${headers.get("X-Own")} ${headers.get("X-Two")}`),
      { vary: { headers: ["x-one"], query: ["a"] } },
      {
        match: "/:page",
        request: {
          path: "/inner/:page",
          headers: { rename: { "x-one": "x-two" }, set: { "x-own": "${param.page}" } },
          query: { set: { b: "2" } },
        },
        response: { headers: { set: { "x-served": "${requestId}" } } },
      },
    );
    const page = newPage();
    const send = () => edge.get(`${page}?a=1&c=3`, { headers: { "X-One": "1" } });
    const [first, second] = [await send(), await send()];
    expect(new URL(first.text.split(" ")[0] ?? "").pathname).toBe(`/inner${page}`);
    expect(first.text).toMatch(/\?a=1&b=2 page-[^ ]+ 1$/);
    expect([second.text, second.cache.slice(0, 3)]).toEqual([first.text, "hit"]);
    for (const { headers } of [first, second]) {
      expect(headers.get("X-Served")).toBe(headers.get("X-Request-Id"));
    }
  });

  it("sends every byte of an encoded body as the upstream did", async () => {
    const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => (i * 7) % 256);
    const edge = await cachedEdge(
      () =>
        new Response(bytes, {
          headers: { "Content-Encoding": "br", "Content-Type": "text/html" },
          encodeBody: "manual",
        }),
    );
    const page = newPage();
    for (const status of ["fwd=miss; stored", "hit; ttl=59"]) {
      const response = await edge.request(page, { headers: { ...newAddress(), "Accept-Encoding": "br" } });
      expect(response.headers.get("Content-Encoding")).toBe("br");
      expect(response.headers.get("Cache-Status")).toBe(`edge-limiter; ${status}`);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
      await edge.backgroundDone();
    }
  });

  it("charges a hit as any request, and rejects before it looks", async () => {
    const edge = await cachedEdge(counting(), {}, { cost: 1, limits: [{ ...THREE_A_MINUTE, name: "own" }] });
    const page = newPage();
    const headers = newAddress();
    const statuses: unknown[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await edge.get(page, { headers })).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    const other = await edge.get(page);
    expect([other.text, other.headers.get("RateLimit")]).toEqual(["answer 1", '"own";r=2;t=20']);
    const required = await cachedEdge(counting(), {}, { auth: "required" });
    expect((await required.get(page)).status).toBe(401);
  });

  it("gives a slot back after a hit", async () => {
    const slot = { name: "slot", kind: "concurrency", max: 1, ttlMs: 60_000 } as const;
    const edge = await cachedEdge(counting(), {}, { cost: 1, limits: [slot] });
    const [page, headers] = [newPage(), newAddress()];
    for (let i = 0; i < 3; i++) expect((await edge.get(page, { headers })).text).toBe("answer 1");
    const etag = await cachedEdge(counting({ ETag: '"1"' }), {}, { cost: 1, limits: [slot] });
    const other = newPage();
    await etag.get(other, { headers });
    const conditional = { ...headers, "If-None-Match": '"1"' };
    for (let i = 0; i < 3; i++) expect((await etag.get(other, { headers: conditional })).status).toBe(304);
  });

  it("counts what became of each request", async () => {
    const edge = await cachedEdge(counting());
    const page = newPage();
    const add = vi.spyOn(edge.services.metrics, "add");
    for (let i = 0; i < 2; i++) await edge.get(page);
    await edge.get(page, { method: "POST" });
    const counted = add.mock.calls
      .filter(([family]) => family === "responseCache")
      .map(([, labels]) => labels);
    expect(counted).toEqual([
      ["/*", "miss"],
      ["/*", "hit"],
      ["/*", "bypass"],
    ]);
  });

  it("answers from the upstream while the store fails", async () => {
    const edge = await cachedEdge();
    const page = newPage();
    const log = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const open = vi.spyOn(caches, "open").mockRejectedValue(new Error("no store"));
    expect([(await edge.get(page)).text, (await edge.get(page)).text]).toEqual(["answer 1", "answer 2"]);
    open.mockRestore();
    log.mockRestore();
    expect((await edge.get(page)).text).toBe("answer 3");
    expect((await edge.get(page)).text).toBe("answer 3");
  });

  it("drops what is stored for a caller who changes it", async () => {
    const edge = await cachedEdge();
    const page = newPage();
    await edge.get(page);
    const changed = await edge.get(page, { method: "PUT", body: "new" });
    expect([changed.text, changed.cache]).toEqual(["answer 2", "fwd=method"]);
    expect((await edge.get(page)).text).toBe("answer 3");
  });
});

describe("a conditional request", () => {
  const modified = "Mon, 02 Nov 2026 10:00:00 GMT";
  const stored = once(() =>
    storedPage(counting({ ETag: '"a"', "Last-Modified": modified, "Content-Type": "text/plain" })),
  );

  it.each([
    [304, { "If-None-Match": '"a"' }],
    [304, { "If-None-Match": '"b", W/"a"' }],
    [304, { "If-None-Match": "*" }],
    [304, { "If-Modified-Since": modified }],
    [304, { "If-Modified-Since": "Mon, 02 Nov 2026 10:00:01 GMT" }],
    [200, { "If-None-Match": '"b"' }],
    [200, { "If-None-Match": '"b"', "If-Modified-Since": modified }],
    [200, { "If-Modified-Since": "Mon, 02 Nov 2026 09:59:59 GMT" }],
    [200, { "If-Modified-Since": "yesterday" }],
  ])("is answered from the store: %s for %j", async (status, conditions) => {
    const { edge, page } = await stored();
    const got = await edge.get(page, { headers: conditions });
    expect([got.status, got.text, got.headers.get("ETag")]).toEqual([
      status,
      status === 304 ? "" : "answer 1",
      '"a"',
    ]);
    expect(got.headers.get("Content-Type")).toBe(status === 304 ? null : "text/plain");
  });

  it("asks the upstream for the whole response: it is for others too", async () => {
    const { edge } = await stored();
    const headers = { "If-None-Match": '"a"', "If-Modified-Since": modified };
    expect((await edge.get(newPage(), { headers })).status).toBe(200);
    const [asked, ...others] = edge.forwarded.slice(1);
    expect([asked?.headers.get("If-None-Match"), asked?.headers.get("If-Modified-Since"), others]).toEqual([
      null,
      null,
      [],
    ]);
  });
});

describe("a request for a part", () => {
  const stored = once(() => storedPage(counting({ ETag: '"a"' })));

  it.each([
    [206, "swer", { Range: "bytes=2-5" }],
    [206, "r 1", { Range: "bytes=-3" }],
    [206, "er 1", { Range: "bytes=4-" }],
    [206, "an", { Range: "bytes=0-1", "If-Range": '"a"' }],
    [200, "answer 1", { Range: "bytes=0-1", "If-Range": '"b"' }],
    [200, "answer 1", { Range: "bytes=0-1,3-4" }],
    [200, "answer 1", { Range: "bytes=100-" }],
    [200, "answer 1", { Range: "pages=1" }],
  ])("is cut out of the whole response: %s %s", async (status, text, headers) => {
    const { edge, page } = await stored();
    const got = await edge.get(page, { headers });
    expect([got.status, got.text, got.headers.get("Content-Length")]).toEqual([
      status,
      text,
      String(text.length),
    ]);
    expect(got.headers.has("Content-Range")).toBe(status === 206);
  });

  it("asks the upstream for all of it", async () => {
    const { edge } = await stored();
    const got = await edge.get(newPage(), { headers: { Range: "bytes=0-1" } });
    expect([got.status, got.text]).toEqual([200, "answer 2"]);
    expect(edge.forwarded[1]?.headers.get("Range")).toBeNull();
  });
});

describe("a HEAD", () => {
  it("is answered from a stored GET, and never stored itself", async () => {
    const edge = await cachedEdge(counting({ "X-Own": "1" }));
    const page = newPage();
    expect((await edge.get(page, { method: "HEAD" })).cache).toBe("fwd=miss");
    expect((await edge.get(page)).text).toBe("answer 2");
    const head = await edge.get(page, { method: "HEAD" });
    expect([head.status, head.text, head.headers.get("X-Own"), head.headers.get("Content-Length")]).toEqual([
      200,
      "",
      "1",
      "8",
    ]);
    expect(edge.forwarded.map(({ method }) => method)).toEqual(["HEAD", "GET"]);
  });
});

describe("a stale response", () => {
  it("is sent at once while a new one is fetched, and not after its time", async () => {
    const edge = await cachedEdge(counting(), { staleWhileRevalidateSeconds: 30 });
    const page = newPage();
    await edge.get(page);
    pass(70);
    const stale = await edge.get(page);
    expect([stale.text, stale.cache]).toEqual(["answer 1", "hit; ttl=-11"]);
    expect((await edge.get(page)).text).toBe("answer 2");
    pass(91);
    expect((await edge.get(page)).text).toBe("answer 3");
  });

  it.each<[failure: string, answer: () => Response]>([
    ["503", () => new Response("broken", { status: 503 })],
    [
      "no response",
      () => {
        throw new Error("gone");
      },
    ],
  ])("is sent if the upstream fails, within its time: %s", async (failure, answer) => {
    let isBroken = false;
    const edge = await cachedEdge(() => (isBroken ? answer() : new Response("good")), {
      staleIfErrorSeconds: 30,
    });
    const page = newPage();
    await edge.get(page);
    isBroken = true;
    pass(70);
    const stale = await edge.get(page);
    const code = failure === "503" ? "; fwd-status=503" : "";
    expect([stale.status, stale.text, stale.cache]).toEqual([200, "good", `fwd=stale${code}`]);
    pass(30);
    expect((await edge.get(page)).status).toBe(failure === "503" ? 503 : 502);
  });

  it("is revalidated by what the upstream gave it, and takes the new headers", async () => {
    const edge = await cachedEdge((request) => {
      const isKnown = request.headers.get("If-None-Match") === '"v1"';
      return new Response(isKnown ? null : "body", {
        status: isKnown ? 304 : 200,
        headers: { ETag: '"v1"', "X-Version": isKnown ? "2" : "1", "Cache-Control": "max-age=10" },
      });
    });
    const page = newPage();
    await edge.get(page);
    pass(20);
    const renewed = await edge.get(page);
    expect([renewed.status, renewed.text, renewed.cache]).toEqual([
      200,
      "body",
      "fwd=stale; fwd-status=304; stored",
    ]);
    expect(renewed.headers.get("X-Version")).toBe("2");
    const hit = await edge.get(page);
    expect([hit.text, hit.cache, hit.headers.get("X-Version")]).toEqual(["body", "hit; ttl=10", "2"]);
    expect(edge.forwarded).toHaveLength(2);
  });
});

describe("requests at the same time", () => {
  it("for one page are one request to the upstream", async () => {
    let requests = 0;
    const edge = await cachedEdge(async () => {
      requests += 1;
      await scheduler.wait(50);
      return new Response(`answer ${requests}`);
    });
    const page = newPage();
    const got = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await edge.request(page, { headers: newAddress() });
        return [await response.text(), response.headers.get("Cache-Status")];
      }),
    );
    await edge.backgroundDone();
    expect(requests).toBe(1);
    expect(new Set(got.map(([text]) => text))).toEqual(new Set(["answer 1"]));
    const forwarded = got.map(([, status]) => status).filter((status) => status?.includes("stored"));
    expect(forwarded).toHaveLength(1);
  });

  it("do not wait for each other if the response cannot be stored", async () => {
    let [open, mostOpen, requests] = [0, 0, 0];
    const edge = await cachedEdge(async () => {
      requests += 1;
      mostOpen = Math.max(mostOpen, (open += 1));
      await scheduler.wait(100);
      open -= 1;
      return new Response("own", { headers: { "Cache-Control": "private" } });
    });
    const page = newPage();
    await Promise.all(
      Array.from({ length: 10 }, async () => (await edge.request(page, { headers: newAddress() })).text()),
    );
    expect(requests).toBe(10);
    expect(mostOpen).toBeGreaterThan(5);
    await edge.backgroundDone();
  });
});

describe("a body", () => {
  const MIB = 1_048_576;
  /** A body in chunks, whose length nobody announces. */
  const chunked = (chunks: number, end: "whole" | "broken" = "whole"): ReadableStream<Uint8Array> => {
    let sent = 0;
    return new ReadableStream({
      pull(controller) {
        if (sent++ < chunks) controller.enqueue(new Uint8Array(MIB / 4));
        else if (end === "whole") controller.close();
        else controller.error(new Error("broken off"));
      },
    });
  };

  it.each([
    ["of unknown length", 4, "hit; ttl=59"],
    ["of unknown length above the bound", 12, "fwd=miss; stored"],
  ])("%s passes whole, and is stored only within the bound", async (_case, chunks, second) => {
    const edge = await cachedEdge(() => new Response(chunked(chunks)));
    const page = newPage();
    expect((await edge.get(page)).text).toHaveLength((chunks * MIB) / 4);
    const again = await edge.get(page);
    expect(again.text).toHaveLength((chunks * MIB) / 4);
    expect(again.cache).toBe(second);
  });

  it("that is announced to be too long passes as it is", async () => {
    const variables = { UPSTREAM: "https://long.example", ANALYTICS_DELAY_MS: "1" };
    const edge = await cachedEdge(counting(), {}, {}, { variables });
    const send = vi
      .spyOn(globalThis, "fetch")
      .mockImplementation(async () => new Response("long", { headers: { "Content-Length": "2097153" } }));
    const page = newPage();
    expect((await edge.get(page)).cache).toBe("fwd=miss; detail=size");
    expect((await edge.get(page)).cache).toBe("fwd=miss; detail=size");
    expect(send).toHaveBeenCalledTimes(2);
    send.mockRestore();
  });

  it("that breaks off is not stored", async () => {
    let isBroken = true;
    const edge = await cachedEdge(() => new Response(chunked(1, isBroken ? "broken" : "whole")));
    const page = newPage();
    await expect(edge.get(page)).rejects.toThrow("broken off");
    await edge.backgroundDone().catch(() => undefined);
    isBroken = false;
    await scheduler.wait(10);
    expect((await edge.get(page)).cache).toBe("fwd=miss; stored");
  });
});
