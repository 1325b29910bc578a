/** Attacks on shared caches that have worked elsewhere: a response must depend on nothing that is not in its key. */
import { describe, expect, it } from "vitest";
import { customer } from "../fixtures/edge-account.ts";
import { type CachedEdge, cachedEdge, counting, newPage } from "../fixtures/edge-cache.ts";
import type { Upstream } from "../fixtures/edge-app.ts";

/** Answers with the request as it has arrived, as an upstream does that reflects its input. */
const reflecting: Upstream = (request) => Response.json({ url: request.url, headers: [...request.headers] });

/** What a victim gets after an attacker has asked for the same page. */
async function afterAttack(
  edge: CachedEdge,
  attack: { readonly path: string; readonly init?: RequestInit },
  path: string,
): Promise<string> {
  await edge.get(attack.path, attack.init);
  return (await edge.get(path)).text;
}

describe("a header that is not in the key", () => {
  it.each([
    // James Kettle, Practical Web Cache Poisoning (2018), and what followed.
    "X-Forwarded-Host",
    "X-Forwarded-Scheme",
    "X-Forwarded-Proto",
    "X-Forwarded-For",
    "X-Forwarded-Prefix",
    "X-Host",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "Forwarded",
    "Origin",
    "Referer",
    "User-Agent",
    "Cookie",
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Cache-Control",
    "Range",
    "If-None-Match",
    "X-Request-Id",
    "X-User-Id",
    "X-User-Tier",
    "traceparent",
    "CF-Connecting-IP",
    // Next.js, CVE-2025-29927 and the responses of its internal requests.
    "X-Middleware-Subrequest",
    "RSC",
    "X-Nextjs-Data",
    "x-evil",
  ])("cannot poison a response: %s", async (name) => {
    const edge = await reflected();
    const page = newPage();
    const value = name === "CF-Connecting-IP" ? "192.0.2.77" : "evil-value";
    const text = await afterAttack(edge, { path: page, init: { headers: { [name]: value } } }, page);
    expect(text).not.toContain(value);
    expect(text.toLowerCase()).not.toContain(`"${name.toLowerCase()}"`);
  });

  const reflected = once(() => cachedEdge(reflecting));
});

describe("a header that is in the key", () => {
  it("has a response for each value, and one for none", async () => {
    const edge = await cachedEdge(counting(), { vary: { headers: ["X-Form"] } });
    const page = newPage();
    const of = async (value: string | null): Promise<string> =>
      (await edge.get(page, { headers: value === null ? {} : { "X-Form": value } })).text;
    expect([await of("a"), await of("b"), await of(null), await of("A"), await of("")]).toEqual(
      [1, 2, 3, 4, 5].map((n) => `answer ${n}`),
    );
    expect([await of("b"), await of(null)]).toEqual(["answer 2", "answer 3"]);
  });

  it("has one response for all spellings of what a browser accepts", async () => {
    const edge = await cachedEdge(counting({ Vary: "Accept-Encoding" }));
    const page = newPage();
    const of = async (value: string): Promise<string> =>
      (await edge.get(page, { headers: { "Accept-Encoding": value } })).text;
    expect(await of("gzip, deflate, br, zstd")).toBe("answer 1");
    expect(await of("br;q=1.0, GZIP;q=0.5")).toBe("answer 1");
    expect(await of("gzip, br;q=0")).toBe("answer 2");
    expect(await of("deflate")).toBe("answer 3");
    expect(edge.forwarded.map(({ headers }) => headers.get("Accept-Encoding"))).toEqual([
      "br, gzip",
      "gzip",
      "identity",
    ]);
  });

  it("cannot take the form of another one", async () => {
    const edge = await cachedEdge(counting(), { vary: { headers: ["a", "b"] } });
    const page = newPage();
    const texts = [];
    for (const headers of [
      { a: "1, b: 2" },
      { a: "1", b: "2" },
      { b: "2" },
      { a: '1","b","2' },
      { a: "1\tb 2" },
    ]) {
      texts.push((await edge.get(page, { headers })).text);
    }
    expect(new Set(texts).size).toBe(texts.length);
  });
});

describe("a query", () => {
  it("that is not kept never reaches the upstream, however its names are spelled", async () => {
    const edge = await cachedEdge(reflecting, { vary: { query: ["page"] } });
    const page = newPage();
    // Parameter cloaking: servers that split at ";", or take the last of two.
    for (const query of [
      "?utm=evil&page=1",
      "?page=1&utm=evil",
      "?Page=evil&page=1",
      "?page=1&%70agf=evil",
      "?page=1",
    ]) {
      expect((await edge.get(page + query)).text).toContain(`${page}?page=1"`);
    }
    expect(edge.forwarded).toHaveLength(1);
    expect((await edge.get(`${page}?page=1;utm=evil`)).cache).toBe("fwd=miss; stored");
    expect((await edge.get(`${page}?p%61ge=1`)).cache).toBe("fwd=miss; stored");
    expect((await edge.get(`${page}?page=1&page=2`)).cache).toBe("fwd=miss; stored");
    expect((await edge.get(`${page}?page=1`)).text).toContain(`${page}?page=1"`);
  });
});

describe("a host or scheme", () => {
  it("has responses of its own", async () => {
    const edge = await cachedEdge();
    const page = newPage();
    const texts = [];
    for (const origin of ["https://a.test", "https://b.test", "http://a.test", "https://a.test:8443"]) {
      texts.push((await edge.get(origin + page)).text);
    }
    expect(texts).toEqual([1, 2, 3, 4].map((n) => `answer ${n}`));
  });
});

describe("a caller's own response", () => {
  it("is not given to another one under a path that looks static (web cache deception, Omer Gil 2017)", async () => {
    const own: Upstream = ({ headers }) => new Response(`data of ${headers.get("X-User-Id")}`);
    const edge = await cachedEdge(own, { share: "user" });
    const [alice, bob] = [await customer(edge, { tier: "only" }), await customer(edge, { tier: "only" })];
    const page = newPage();
    for (const path of ["", "/x.css", "/x.js", ";x.css", "%00.css", "%23.css", "%3f.css"].map(
      (end) => page + end,
    )) {
      const mine = await edge.get(path, { headers: alice.headers });
      if (mine.status === 400) continue;
      expect(mine.text).toBe(`data of ${alice.user}`);
      expect((await edge.get(path, { headers: bob.headers })).text).toBe(`data of ${bob.user}`);
      expect((await edge.get(path)).text).toBe("data of null");
      expect((await edge.get(path, { headers: alice.headers })).cache).toMatch(/^hit/);
    }
  });

  it("is shared by nobody whose tier is another", async () => {
    const own: Upstream = ({ headers }) =>
      new Response(`${headers.get("X-User-Tier")} ${headers.get("X-User-Id")}`);
    const edge = await cachedEdge(own, { share: "tier" });
    const [alice, bob] = [await customer(edge, { tier: "only" }), await customer(edge, { tier: "only" })];
    const page = newPage();
    const first = await edge.get(page, { headers: alice.headers });
    const second = await edge.get(page, { headers: bob.headers });
    expect([first.text, second.text]).toEqual(["only null", "only null"]);
    expect(second.cache).toMatch(/^hit/);
  });

  it("never carries a key to the upstream, nor a cookie to another caller", async () => {
    const edge = await cachedEdge((request) =>
      request.headers.has("Cookie") ||
      request.headers.has("X-API-Key") ||
      request.headers.has("Authorization")
        ? new Response("private")
        : new Response("public", { headers: { "Set-Cookie": "session=secret" } }),
    );
    const { headers, key } = await customer(edge, { tier: "only" });
    const page = newPage();
    const got = await edge.get(page, {
      headers: { ...headers, Cookie: "a=b", Authorization: `Bearer ${key}` },
    });
    expect([got.text, got.headers.get("Set-Cookie")]).toEqual(["public", "session=secret"]);
    expect((await edge.get(page)).cache).toBe("fwd=miss; detail=set-cookie");
  });

  it("to a credential of the upstream is neither stored nor taken from the store (RFC 9111, section 3.5)", async () => {
    const own: Upstream = ({ headers }) => new Response(headers.get("Authorization") ?? "public");
    const edge = await cachedEdge(own, {}, { auth: "none" });
    const page = newPage();
    const mine = await edge.get(page, { headers: { Authorization: "Basic secret" } });
    expect([mine.text, mine.cache]).toEqual(["Basic secret", "fwd=bypass"]);
    expect((await edge.get(page)).text).toBe("public");
    expect((await edge.get(page, { headers: { Authorization: "Basic other" } })).text).toBe("Basic other");
  });
});

describe("a response that does not fit", () => {
  it("is not stored as what it is not: an error, a part, or a 304 that nobody asked for", async () => {
    const answers = [
      // Cache-poisoned denial of service (2019): an error that one request provokes.
      () => new Response("too large", { status: 400 }),
      () => new Response("broken", { status: 500 }),
      () => new Response("ans", { status: 206, headers: { "Content-Range": "bytes 0-2/8" } }),
      () => new Response("ans", { headers: { "Content-Range": "bytes 0-2/8" } }),
      () => new Response(null, { status: 304 }),
      () => new Response("other", { headers: { Vary: "X-Evil" } }),
      () => new Response("answer"),
    ];
    const edge = await cachedEdge(() => (answers.shift() ?? (() => new Response("late")))());
    const page = newPage();
    const texts = [];
    for (let i = 0; i < 8; i++) texts.push((await edge.get(page)).text);
    expect(texts).toEqual(["too large", "broken", "ans", "ans", "", "other", "answer", "answer"]);
  });

  it("takes no limit headers of one caller to another", async () => {
    const edge = await cachedEdge(counting({ "X-RateLimit-Remaining": "7", RateLimit: "r=7" }));
    const page = newPage();
    await edge.get(page);
    const hit = await edge.get(page);
    expect([
      hit.cache.slice(0, 3),
      hit.headers.get("X-RateLimit-Remaining"),
      hit.headers.get("RateLimit"),
    ]).toEqual(["hit", null, null]);
  });

  it("of a loop ends it", async () => {
    const edge = await cachedEdge(reflecting);
    const page = newPage();
    expect((await edge.get(page, { headers: { "Edge-Limiter-Hops": "3" } })).text).toContain(
      '["edge-limiter-hops","4"]',
    );
    expect((await edge.get(page)).text).toContain('["edge-limiter-hops","1"]');
    expect((await edge.get(page, { headers: { "Edge-Limiter-Hops": "5" } })).status).toBe(508);
  });
});

/** Makes something when it is first needed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
}
