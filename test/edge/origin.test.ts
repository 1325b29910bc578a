/**
 * The demo origin's guarantees, through its router, without a gateway or a network. Runs in workerd; in another runtime the
 * WebSocket's echo is skipped.
 */
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { app } from "../../examples/origin/src/app.ts";
import { confidence, TRAIT_BITS } from "../../examples/origin/src/entropy.ts";
import { compareTraits } from "../../examples/origin/src/similarity.ts";
import { postedTraits, toRecord, traitSet, type TraitValue } from "../../examples/origin/src/traits.ts";
import { userAgentTraits } from "../../examples/origin/src/user-agent-traits.ts";

const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const CHROME_UPDATED = CHROME.replace("140", "141");
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0";

const fingerprintAnswer = z.object({
  fingerprint: z.string(),
  confidence: z.number(),
  traits: z.record(z.string(), z.unknown()),
  caller: z.optional(z.unknown()),
});
const problemBody = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string(),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
});

const traitName = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}$/);
const traitValue: fc.Arbitrary<TraitValue> = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.lorem({ maxCount: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
);
const entries = fc.uniqueArray(fc.tuple(traitName, traitValue), {
  maxLength: 12,
  selector: ([name]) => name,
});
const sets = entries.map(traitSet);

describe("/identify", () => {
  it("gives the same traits the same fingerprint, in any order and spelling", async () => {
    const twoOrders = entries.chain((given) =>
      fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length })),
    );
    await fc.assert(
      fc.asyncProperty(twoOrders, async ([given, shuffled]) => {
        const shouted = shuffled.map(([name, value]) => [
          ` ${name.toUpperCase()} `,
          typeof value === "string" ? `  ${value} ` : value,
        ]);
        const one = await identify({}, Object.fromEntries(given));
        const other = await identify({}, Object.fromEntries(shouted));
        expect(other.fingerprint).toBe(one.fingerprint);
      }),
      { numRuns: 50 },
    );
  });

  it("gives different traits different fingerprints, and distinguishes types", async () => {
    await fc.assert(
      fc.asyncProperty(sets, sets, async (a, b) => {
        const one = await identify({}, toRecord(a));
        const other = await identify({}, toRecord(b));
        expect(one.fingerprint === other.fingerprint).toBe(JSON.stringify([...a]) === JSON.stringify([...b]));
      }),
      { numRuns: 50 },
    );
    const number = await identify({}, { cores: 8 });
    const text = await identify({}, { cores: "8" });
    expect(number.fingerprint).not.toBe(text.fingerprint);
  });

  it("keeps its canonical form, so that a fingerprint stays valid", async () => {
    const { fingerprint } = await identify(
      {},
      { timezone: "Europe/Berlin", screen: "2560x1440", "touch-points": 0 },
    );
    expect(fingerprint).toBe("3aa20b510dbb9e57b273ef9f7175e162e08893a34e5b94e703ae1afca919aede");
  });

  it("fingerprints the stable headers, and reports them as traits", async () => {
    const headers = { "User-Agent": CHROME, "Accept-Language": "en", "Sec-CH-UA-Platform": '"Linux"' };
    const first = await identify(headers);
    const second = await identify({
      ...headers,
      "Sec-Fetch-Mode": "cors",
      "Sec-Fetch-Site": "none",
      "X-Request-Id": "r",
    });
    expect(first.traits).toEqual({
      "accept-language": "en",
      "sec-ch-ua-platform": '"Linux"',
      "user-agent": CHROME,
    });
    expect(second.fingerprint).toBe(first.fingerprint);
  });

  it("prefers posted traits to those of the headers", async () => {
    const { traits } = await identify(
      { "User-Agent": CHROME, "Accept-Language": "en" },
      { "accept-language": "de" },
    );
    expect(traits).toEqual({ "accept-language": "de", "user-agent": CHROME });
  });

  it("never returns a credential, a cookie or an address", async () => {
    const secret = "s3cret-value";
    const headers = {
      Authorization: `Bearer ${secret}`,
      Cookie: `session=${secret}`,
      "X-API-Key": secret,
      "CF-Connecting-IP": secret,
      "X-Forwarded-For": secret,
    };
    for (const { method, path } of await listedEndpoints()) {
      if (path === "/ws") continue;
      const response = await app.request(quick(path), { method, headers });
      const shown = JSON.stringify([...response.headers]) + (await response.text());
      expect(shown, `${method} ${path}`).not.toContain(secret);
    }
    const posted = await post("/identify", { traits: { Authorization: secret } });
    expect(posted.status).toBe(422);
    expect(await posted.text()).not.toContain(secret);
  });

  it("names the caller only if the gateway does", async () => {
    const named = await identify({ "X-User-Id": "acct_1", "X-User-Tier": "pro" });
    expect(named.caller).toEqual({ user: "acct_1", tier: "pro" });
    const unnamed = await identify();
    expect(unnamed).not.toHaveProperty("caller");
    expect(named.fingerprint).toBe(unnamed.fingerprint);
  });

  it("has a confidence from 0 to 1 that grows with the known traits", async () => {
    const known = fc
      .subarray([...TRAIT_BITS.keys()])
      .map((names) => names.map((name) => [name, "x"] as const));
    fc.assert(
      fc.property(known, known, sets, (some, more, unknown) => {
        const less = confidence(traitSet(some));
        const all = confidence(traitSet([...unknown, ...some, ...more]));
        expect(less).toBeGreaterThanOrEqual(0);
        expect(all).toBeGreaterThanOrEqual(less);
        expect(all).toBeLessThanOrEqual(1);
      }),
    );
    const none = await identify({}, { "made-up": "x" });
    const agent = await identify({ "User-Agent": CHROME });
    const more = await identify(
      { "User-Agent": CHROME },
      { canvas: "9f2c", fonts: "a1", screen: "1x1", timezone: "UTC" },
    );
    expect(none.confidence).toBe(0);
    expect(agent.confidence).toBe(0.303);
    expect(more.confidence).toBe(1);
  });

  it("reports all invalid traits at once, by JSON Pointer", async () => {
    const traits = {
      "a/b~c": 1,
      list: [1],
      Screen: "x",
      screen: "y",
      long: "x".repeat(1025),
      cookie: "c",
      fine: true,
    };
    const { status, errors } = await asProblem(await post("/identify", { traits }));
    expect(status).toBe(422);
    expect(errors?.map(({ path }) => path).toSorted()).toEqual([
      "/traits/a~1b~0c",
      "/traits/cookie",
      "/traits/list",
      "/traits/long",
      "/traits/screen",
    ]);
  });

  it("rejects prototype names like any other bad name", async () => {
    const response = await app.request("/identify", { method: "POST", body: '{"traits":{"__proto__":1}}' });
    expect((await asProblem(response)).errors?.[0]?.path).toBe("/traits/__proto__");
    expect((await identify({}, { constructor: "x" })).confidence).toBe(0);
  });

  it("never returns more traits than it accepts", async () => {
    const many = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`t${index}`, index]));
    expect((await post("/identify", { traits: many })).status).toBe(200);
    expect((await post("/identify", { traits: many }, { "User-Agent": CHROME })).status).toBe(422);
    expect((await post("/identify", { traits: { ...many, more: 1 } })).status).toBe(422);
  });
});

describe("/compare", () => {
  it("is symmetric, and between 0 and 1", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const there = compareTraits(a, b);
        expect(compareTraits(b, a)).toEqual(there);
        expect(there.similarity).toBeGreaterThanOrEqual(0);
        expect(there.similarity).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("is 1 for equal sets and for no others", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        expect(compareTraits(a, traitSet([...a].toReversed())).similarity).toBe(1);
        const { similarity, differing } = compareTraits(a, b);
        expect(similarity === 1).toBe(differing.length === 0);
      }),
    );
    const reordered = compareTraits(
      traitSet([["accept-language", "en,de"]]),
      traitSet([["accept-language", "de,en"]]),
    );
    expect(reordered).toMatchObject({ similarity: 0.99, same: true, differing: ["accept-language"] });
  });

  it("is 0 for sets that share nothing", () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        const left = traitSet(a.map(([name, value]) => [`l.${name}`, value]));
        const right = traitSet(b.map(([name, value]) => [`r.${name}`, value]));
        fc.pre(left.size + right.size > 0);
        expect(compareTraits(left, right)).toMatchObject({ similarity: 0, same: false, matched: [] });
      }),
    );
  });

  it("puts every trait of either side in exactly one list", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const { matched, differing } = compareTraits(a, b);
        expect([...matched, ...differing].toSorted()).toEqual(
          [...new Set([...a.keys(), ...b.keys()])].toSorted(),
        );
      }),
    );
  });

  it("takes a browser's update for the same client, and another browser on the machine for another", async () => {
    const machine = { screen: "2560x1440", timezone: "Europe/Berlin", "accept-language": "en-GB,en;q=0.5" };
    const sides = (userAgent: string, canvas: string): unknown => ({
      traits: { ...machine, "user-agent": userAgent, canvas },
    });
    const updated = await post("/compare", { a: sides(CHROME, "9f2c"), b: sides(CHROME_UPDATED, "9f2c") });
    const other = await post("/compare", { a: sides(CHROME, "9f2c"), b: sides(FIREFOX, "77ab") });
    expect(await updated.json()).toMatchObject({ same: true, differing: ["user-agent"] });
    expect(await other.json()).toMatchObject({ same: false, differing: ["canvas", "user-agent"] });
  });

  it("compares fingerprints, and traits with a fingerprint, by equality", async () => {
    const traits = { screen: "2560x1440" };
    const { fingerprint } = await identify({}, traits);
    const equal = { similarity: 1, same: true, matched: ["fingerprint"], differing: [] };
    const unequal = { similarity: 0, same: false, matched: [], differing: ["fingerprint"] };
    const ask = async (a: unknown, b: unknown): Promise<unknown> => (await post("/compare", { a, b })).json();
    expect(await ask({ fingerprint }, { fingerprint })).toEqual(equal);
    expect(await ask({ traits }, { fingerprint })).toEqual(equal);
    expect(await ask({ fingerprint }, { traits: { screen: "1x1" } })).toEqual(unequal);
  });

  it("accepts a response of /identify as a side", async () => {
    const answer = await identify({ "User-Agent": CHROME, "X-User-Id": "u", "X-User-Tier": "free" });
    const response = await post("/compare", { a: answer, b: answer });
    expect(await response.json()).toMatchObject({ similarity: 1, same: true, matched: ["user-agent"] });
  });

  it("compares two user agent strings product by product", async () => {
    const query = new URLSearchParams({ a: CHROME, b: CHROME_UPDATED });
    expect(await (await app.request(`/compare?${query}`)).json()).toEqual({
      similarity: 0.8883,
      same: true,
      matched: ["comment:1", "comment:2", "product:applewebkit", "product:mozilla", "product:safari"],
      differing: ["product:chrome"],
    });
    const browsers = new URLSearchParams({ a: CHROME, b: FIREFOX });
    expect(await (await app.request(`/compare?${browsers}`)).json()).toMatchObject({ same: false });
  });

  it("accepts any string as a user agent: equal to itself, with every character in some part", () => {
    const agents = fc.oneof(fc.string({ maxLength: 60 }), fc.stringMatching(/^[ab()/ ]{0,30}$/));
    fc.assert(
      fc.property(agents, (agent) => {
        const traits = userAgentTraits(agent);
        expect(compareTraits(traits, userAgentTraits(`  ${agent} `)).similarity).toBe(1);
        const letters = (text: string): string =>
          [...text.normalize("NFC").replaceAll(/\s/g, "")].toSorted().join("");
        expect(letters([...traits.values()].join(""))).toBe(letters(agent));
      }),
    );
  });

  it("reports which sides are missing", async () => {
    const bare = await asProblem(await app.request("/compare"));
    expect(bare).toMatchObject({ status: 400, code: "invalid_request" });
    expect(bare.errors?.map(({ path }) => path)).toEqual(["/a", "/b"]);
    const empty = await asProblem(await post("/compare", { a: { traits: {} }, b: {} }));
    expect(empty.status).toBe(422);
    expect(empty.errors?.map(({ path }) => path)).toEqual(["/a", "/b"]);
    const nested = await asProblem(
      await post("/compare", { a: { traits: { x: null } }, b: { fingerprint: "AB" } }),
    );
    expect(nested.errors?.map(({ path }) => path)).toEqual(["/a/traits/x", "/b/fingerprint"]);
  });
});

describe("/batch", () => {
  it("answers each item in its place, as /identify would without headers", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sets, { minLength: 1, maxLength: 8 }), async (items) => {
        const response = await post("/batch", {
          items: items.map((traits) => ({ traits: toRecord(traits) })),
        });
        const alone = await Promise.all(items.map((traits) => identify({}, toRecord(traits))));
        const results = alone.map(({ fingerprint, confidence: sure }) => ({ fingerprint, confidence: sure }));
        expect(await response.json()).toEqual({ results });
      }),
      { numRuns: 30 },
    );
  });

  it("does not let one bad item fail the others", async () => {
    const good = { traits: { screen: "1x1" } };
    const response = await post("/batch", { items: [good, { traits: { screen: null } }, 7, good] });
    const { fingerprint } = await identify({}, good.traits);
    const error = (path: string): unknown => ({
      error: { code: "invalid_request", errors: [{ path, message: expect.any(String) }] },
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      results: [{ fingerprint }, error("/items/1/traits/screen"), error("/items/2"), { fingerprint }],
    });
  });

  it("accepts 1 to 100 items", async () => {
    const items = (count: number): unknown => ({
      items: Array.from({ length: count }, () => ({ traits: {} })),
    });
    const statuses = [0, 1, 100, 101].map(async (count) => (await post("/batch", items(count))).status);
    expect(await Promise.all(statuses)).toEqual([422, 200, 200, 422]);
    expect((await asProblem(await post("/batch", {}))).errors).toEqual([
      { path: "/items", message: "must be an array" },
    ]);
  });
});

describe("the router", () => {
  it("lists what it serves, and serves what it lists", async () => {
    const endpoints = await listedEndpoints();
    const paths = endpoints.map(({ method, path }) => `${method} ${path}`);
    expect(paths).toEqual(
      expect.arrayContaining(["GET /identify", "POST /compare", "POST /batch", "POST /echo"]),
    );
    for (const { method, path } of endpoints) {
      const response = await app.request(quick(path), { method });
      expect([404, 405, 500], `${method} ${path}`).not.toContain(response.status);
      await response.body?.cancel();
    }
  });

  it("answers unknown paths with a 404 problem that carries the gateway's request id", async () => {
    const response = await app.request("/nothing", { headers: { "X-Request-Id": "req-1" } });
    expect(response.status).toBe(404);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await asProblem(response)).toMatchObject({
      type: "about:blank",
      code: "not_found",
      requestId: "req-1",
    });
  });

  it("answers a wrong method with 405 and the allowed ones", async () => {
    const response = await app.request("/batch");
    expect(response.headers.get("Allow")).toBe("POST");
    expect(await asProblem(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
    const both = await app.request("/identify", { method: "DELETE" });
    expect(both.headers.get("Allow")).toBe("GET, HEAD, POST");
  });

  it.each(["", "{", "nul", '{"traits":', "\u0000"])("answers the body %j with 400", async (body) => {
    for (const path of ["/identify", "/compare", "/batch"]) {
      const response = await app.request(path, { method: "POST", body });
      expect(await asProblem(response)).toMatchObject({ status: 400, code: "invalid_request" });
    }
  });

  it("answers a body that is not UTF-8 with 400", async () => {
    const response = await app.request("/identify", {
      method: "POST",
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(response.status).toBe(400);
  });

  it("answers any JSON with 200 or 422, and never with a server error", async () => {
    const any = fc.jsonValue();
    const traits = fc.oneof(any, fc.dictionary(fc.string(), any), fc.dictionary(traitName, traitValue));
    const side = fc.oneof(any, fc.record({ traits, fingerprint: any }, { requiredKeys: [] }));
    const items = fc.oneof(any, fc.array(side));
    const bodies = fc.oneof(any, fc.record({ traits, a: side, b: side, items }));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("/identify", "/compare", "/batch"), bodies, async (path, body) => {
        expect([200, 422]).toContain((await post(path, body)).status);
      }),
    );
  });

  it("accepts a body of 64 KiB and not a byte more, with or without a declared length", async () => {
    const padded = (bytes: number): string => '{"traits":{}}'.padEnd(bytes, " ");
    expect((await app.request("/identify", { method: "POST", body: padded(65_536) })).status).toBe(200);
    const declared = await app.request("/identify", { method: "POST", body: padded(65_537) });
    expect(await asProblem(declared)).toMatchObject({ status: 413, code: "invalid_request" });
    const undeclared = await app.request(streamed("/identify", new Blob([padded(65_537)]).stream()));
    expect(undeclared.status).toBe(413);
  });
});

describe("the probes", () => {
  describe("on a fake clock", () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it("/slow answers after the requested time and not before", async () => {
      const answered = vi.fn<(response: Response) => void>();
      void Promise.resolve(app.request("/slow?ms=3000")).then(answered);
      await vi.advanceTimersByTimeAsync(2999);
      expect(answered).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(answered).toHaveBeenCalledOnce();
    });

    it("/stream sends each chunk on time, the first at once", async () => {
      const response = await app.request("/stream?chunks=3&intervalMs=200");
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      const read: string[] = [];
      void (async () => {
        for (let next = await reader?.read(); next?.done === false; next = await reader?.read())
          read.push(next.value);
        read.push("end");
      })();
      await vi.advanceTimersByTimeAsync(199);
      expect(read).toEqual(["chunk 1 of 3\n"]);
      await vi.advanceTimersByTimeAsync(1);
      expect(read).toEqual(["chunk 1 of 3\n", "chunk 2 of 3\n"]);
      await vi.advanceTimersByTimeAsync(200);
      expect(read).toEqual(["chunk 1 of 3\n", "chunk 2 of 3\n", "chunk 3 of 3\n", "end"]);
    });
  });

  it.each([
    "/slow?ms=10001",
    "/slow?ms=-1",
    "/slow?ms=soon",
    "/stream?chunks=0",
    "/stream?chunks=1001",
    "/stream?intervalMs=1001",
    "/status/199",
    "/status/600",
    "/status/ok",
  ])("%s is rejected with 400", async (path) => {
    expect(await asProblem(await app.request(path))).toMatchObject({ status: 400, code: "invalid_request" });
  });

  it("/echo returns each part of a body before the next one is sent", async () => {
    const body = new TransformStream<Uint8Array, Uint8Array>();
    const writer = body.writable.getWriter();
    const response = await app.request(streamed("/echo", body.readable));
    const reader = response.body?.getReader();
    for (const part of ["first", "second"]) {
      void writer.write(new TextEncoder().encode(part));
      const next = await reader?.read();
      expect(new TextDecoder().decode(next?.value)).toBe(part);
    }
    void writer.close();
    expect((await reader?.read())?.done).toBe(true);
  });

  it("/outage answers everything else with 503 for a while that ends by itself", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const statuses = async () =>
      Promise.all(["/", "/identify", "/nothing"].map(async (path) => (await app.request(path)).status));
    for (const seconds of ["", "?seconds=301", "?seconds=-1", "?seconds=x"]) {
      expect((await app.request(`/outage${seconds}`, { method: "POST" })).status).toBe(400);
    }
    expect(await statuses()).toEqual([200, 200, 404]);
    expect((await app.request("/outage?seconds=30", { method: "POST" })).status).toBe(200);
    const stopped = await app.request("/identify");
    expect(stopped.headers.get("Retry-After")).toBeNull();
    expect(await asProblem(stopped)).toMatchObject({ status: 503, code: "outage" });
    expect(await statuses()).toEqual([503, 503, 503]);
    vi.advanceTimersByTime(30_000);
    expect(await statuses()).toEqual([200, 200, 404]);
    await app.request("/outage?seconds=30", { method: "POST" });
    await app.request("/outage?seconds=0", { method: "POST" });
    expect(await statuses()).toEqual([200, 200, 404]);
    vi.useRealTimers();
  });

  it("/echo returns bytes unchanged, with the method and the headers' names", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("POST", "PUT", "PATCH", "DELETE"),
        fc.uint8Array({ maxLength: 2000 }),
        async (method, bytes) => {
          const headers = { "X-Second": "2", "Content-Type": "text/html", "X-First": "1" };
          const response = await app.request("/echo", { method, body: bytes, headers });
          expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array(bytes));
          expect(response.headers.get("X-Echo-Method")).toBe(method);
          expect(response.headers.get("X-Echo-Headers")).toMatch(/content-type,(.*,)?x-first,x-second$/);
          expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each([200, 204, 205, 301, 304, 404, 429, 500, 503, 599])("/status/%i answers with it", async (code) => {
    expect((await app.request(`/status/${code}`)).status).toBe(code);
  });

  it("/ws requires a handshake", async () => {
    const response = await app.request("/ws");
    expect(response.headers.get("Upgrade")).toBe("websocket");
    expect((await asProblem(response)).status).toBe(426);
  });

  it.skipIf(typeof WebSocketPair === "undefined")("/ws echoes text as text and bytes as bytes", async () => {
    const response = await app.request("/ws", { headers: { Upgrade: "websocket" } });
    expect(response.status).toBe(101);
    const socket = response.webSocket;
    if (socket === null) throw new Error("upgraded without a socket");
    socket.binaryType = "arraybuffer";
    socket.accept();
    const echoed = (message: string | Uint8Array): Promise<unknown> =>
      new Promise((resolve) => {
        socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
        socket.send(message);
      });
    expect(await echoed("grüße")).toBe("grüße");
    expect(await echoed(new Uint8Array([0, 1, 255]))).toEqual(new Uint8Array([0, 1, 255]).buffer);
    const closed = new Promise<number>((resolve) => {
      socket.addEventListener("close", ({ code }) => resolve(code), { once: true });
    });
    socket.close(1000, "done");
    expect(await closed).toBe(1000);
  });
});

describe("trait sets", () => {
  it("are unchanged by serializing and parsing", () => {
    fc.assert(
      fc.property(sets, (traits) => {
        const again = z.parse(postedTraits, JSON.parse(JSON.stringify(toRecord(traits))));
        expect(JSON.stringify([...again])).toBe(JSON.stringify([...traits]));
      }),
    );
  });
});

async function identify(
  headers: Record<string, string> = {},
  traits?: Record<string, unknown>,
): Promise<z.infer<typeof fingerprintAnswer>> {
  const response = traits
    ? await post("/identify", { traits }, headers)
    : await app.request("/identify", { headers });
  expect(response.status).toBe(200);
  return z.parse(fingerprintAnswer, await response.json());
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return app.request(path, { method: "POST", body: JSON.stringify(body), headers });
}

/** A request whose body has no declared length. Node requires `duplex`, which workerd's types lack. */
function streamed(path: string, body: ReadableStream<Uint8Array>): Request {
  const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
  return new Request(`http://origin${path}`, init);
}

async function asProblem(response: Response): Promise<z.infer<typeof problemBody>> {
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  const body = z.parse(problemBody, await response.json());
  expect(body.status).toBe(response.status);
  return body;
}

/** A listed path with parameters that make it answer at once. */
function quick(path: string): string {
  return `${path.replace(":code", "200")}?ms=0&intervalMs=0`;
}

async function listedEndpoints(): Promise<{ method: string; path: string }[]> {
  const list = z.object({ endpoints: z.array(z.object({ method: z.string(), path: z.string() })) });
  return z.parse(list, await (await app.request("/")).json()).endpoints;
}

it("/traits has the bits of every known trait, and says that caches may store it", async () => {
  const response = await app.request("/traits?a=b", { headers: { "User-Agent": "x" } });
  expect(response.headers.get("Cache-Control")).toBe("public, max-age=300");
  expect(await response.json()).toMatchObject({ bits: Object.fromEntries(TRAIT_BITS), identifyingBits: 33 });
});
