/**
 * The configurations of examples/proxies, in the real proxies, in front of an API and the started product: what a client gets, what the API
 * gets, and that no client can ask for another request than the one that is forwarded.
 */
import { readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { request } from "../blackbox/client.ts";
import { freePort, newAccount, type Product, publishPolicy, startProduct } from "../blackbox/product.ts";
import { type EchoOrigin, startOrigin } from "./echo-origin.ts";
import { get, rawRequest } from "./raw-request.ts";
import { executableOf, type ProxyName, type RunningProxy, startProxy } from "./real-proxy.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const ASKING = ["nginx", "caddy", "traefik", "haproxy", "envoy"] as const satisfies ProxyName[];

let checkout: Checkout;
let product: Product;
let origin: EchoOrigin;
/** The key of the proxies. */
let key: string;

/** Makes a key with the scope check. */
async function proxyKey(): Promise<string> {
  await newAccount(product, "proxy", "partner");
  const made = await request(new URL("/api/v1/admin/accounts/proxy/keys", product.url), {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
    body: JSON.stringify({ scopes: ["check"] }),
  });
  return String(Reflect.get(Object(made.json()), "key"));
}

beforeAll(async () => {
  [checkout, origin] = await Promise.all([makeCheckout({ devVars: LONG_DEADLINE }), startOrigin()]);
  product = await startProduct(checkout);
  const shipped = JSON.parse(await readFile(join(ROOT, "policy", "default.json"), "utf8"));
  const bucket = (name: string, tokens: number) => ({ name, kind: "bucket", tokens, per: "hour" });
  await publishPolicy(product, {
    tiers: {
      ...shipped.tiers,
      anonymous: { limits: [bucket("hour", 100_000)] },
      tiny: { limits: [bucket("hour", 2)] },
    },
    rules: [
      { name: "mallory", if: { user: ["mallory"] }, then: "deny" },
      { name: "scanner", if: { userAgent: ["sqlmap"] }, then: "deny" },
    ],
    routes: [
      { match: "/private/*", auth: "required" },
      { match: "/free/*", cost: 0 },
      { match: "/compare", cost: 2 },
      ...ASKING.map((name) => ({ match: `/by-address/${name}`, limits: [bucket(`by-${name}`, 2)] })),
      { match: "/items/*" },
    ],
  });
  key = await proxyKey();
});

afterAll(async () => {
  await product?.run.stop();
  await origin?.close();
  await checkout?.remove();
});

/** Spellings of paths that proxies and servers may read in different ways. */
const WRITTEN = [
  "/a/../b",
  "/a//b",
  "/a/%2e%2e/b",
  "/a%2Fb",
  "/%61b",
  "/a\\b",
  "/a;x=y/b",
  "/\u00e9",
  "/a%c3%a9?x=%2F..%2F",
  "/a?x#y",
  "http://127.0.0.1/b",
];

/** A limiter that the test controls. */
async function startLimiter(listener: RequestListener): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the limiter has no port");
  return {
    port: address.port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

it("an answer has no body and says so, or else nginx and Caddy would close their connections after each", async () => {
  const headers = { "X-Edge-Limiter-Key": key, "X-Forwarded-For": "192.0.2.1" };
  const answer = await request(new URL("/api/v1/authorize/free/x", product.url), { headers });
  expect([answer.status, answer.headers["content-length"]]).toEqual([200, "0"]);
});

describe.each(ASKING)("%s", (name) => {
  const isInstalled = executableOf(name) !== null;
  let proxy: RunningProxy;
  /** A user with two requests an hour, and one with many. */
  let tiny: string;
  let pro: string;

  beforeAll(async () => {
    if (!isInstalled) return;
    const ports = { limiterPort: product.url.port, originPort: origin.port };
    [proxy, tiny, pro] = await Promise.all([
      startProxy(name, { ...ports, key }),
      newAccount(product, `tiny-${name}`, "tiny"),
      newAccount(product, `pro-${name}`, "pro"),
    ]);
  });

  afterAll(() => proxy?.stop());
  beforeEach(() => void origin?.received());

  const ask = (path: string, headers: Record<string, string> = {}, method = "GET", body?: string) =>
    request(new URL(path, proxy.url), { method, headers, ...(body === undefined ? {} : { body }) });

  it.runIf(isInstalled)(
    "forwards what may pass, with the user and the tier and without the keys",
    async () => {
      const spoofed = { "X-User-Id": "admin", "X-User-Tier": "enterprise", "X-Edge-Limiter-Key": "mine" };
      const answer = await ask("/items/1?a=b%20c&d", { "X-API-Key": pro, ...spoofed }, "POST", "some body");
      expect([answer.status, answer.text, answer.headers["x-origin"]]).toEqual([
        200,
        "from the origin",
        "yes",
      ]);
      const [received, ...others] = origin.received();
      expect(others).toEqual([]);
      expect(received).toMatchObject({ method: "POST", target: "/items/1?a=b%20c&d", body: "some body" });
      expect(received?.headers).toMatchObject({ "x-user-id": `pro-${name}`, "x-user-tier": "pro" });
      expect(received?.headers).not.toHaveProperty("x-edge-limiter-key");
      expect(received?.headers).not.toHaveProperty("x-api-key");
      // forwardAuth of Traefik passes nothing to the client of a request that may pass.
      const limits = expect.stringMatching(/^"minute";r=\d+;t=\d+, "month";r=\d+;t=\d+$/);
      expect(answer.headers["ratelimit"]).toEqual(name === "traefik" ? undefined : limits);
    },
  );

  it.runIf(isInstalled)(
    "forwards an anonymous request without a user, whatever the client claims",
    async () => {
      const answer = await ask("/items/1", {
        "X-User-Id": "admin",
        "x-user-tier": "enterprise",
        X_User_Id: "admin",
        "X-User_Id": "admin",
        "X_User-Id": "admin",
      });
      expect(answer.status).toBe(200);
      const [received] = origin.received();
      expect(received?.headers["x-user-tier"]).toBe("anonymous");
      expect(Object.values(received?.headers ?? {})).not.toContain("admin");
      expect(received?.headers).not.toHaveProperty("x-user-id");
    },
  );

  it.runIf(isInstalled)("answers 429 with Retry-After and RateLimit, and the API is not called", async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask("/items/1", { "X-API-Key": tiny })).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect(origin.received()).toHaveLength(2);
    const denied = await ask("/items/1", { Authorization: `Bearer ${tiny}` }, "POST", "body");
    expect(denied.status).toBe(429);
    expect(Number(denied.headers["retry-after"])).toBeGreaterThan(60);
    expect(denied.headers["ratelimit"]).toMatch(/^"hour";r=0;t=\d+$/);
    expect(denied.headers["ratelimit-policy"]).toBe('"hour";q=2;w=3600');
    expect(denied.headers["content-type"]).toBe("application/problem+json");
    expect(denied.json()).toMatchObject({ status: 429, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(denied.headers["x-request-id"]).toBe(Reflect.get(Object(denied.json()), "requestId"));
    expect(origin.received()).toEqual([]);
  });

  it.runIf(isInstalled)(
    "answers 401 to a client's wrong key, 403 by a rule, 404 without a route, and the API is not called",
    async () => {
      const wrong = await ask("/items/1", { "X-API-Key": "rubbish" });
      expect([wrong.status, wrong.headers["www-authenticate"]]).toEqual([401, 'Bearer realm="edge-limiter"']);
      expect((await ask("/private/1")).status).toBe(401);
      expect((await ask("/items/1", { "User-Agent": "sqlmap/1.0" })).status).toBe(403);
      expect((await ask("/nothing")).status).toBe(404);
      expect(origin.received()).toEqual([]);
    },
  );

  it.runIf(isInstalled)(
    "counts an anonymous client by the address of its connection, whatever it claims",
    async () => {
      const statuses: number[] = [];
      for (let i = 0; i < 4; i++) {
        const address = `198.51.100.${i}`;
        const answer = await ask(`/by-address/${name}`, {
          "X-Forwarded-For": address,
          "X-Real-IP": address,
          "CF-Connecting-IP": address,
          Forwarded: `for=${address}`,
        });
        statuses.push(answer.status);
      }
      expect(statuses).toEqual([200, 200, 429, 429]);
    },
  );

  it.runIf(isInstalled)(
    "asks about no request but the one that it forwards, whatever headers a client adds",
    async () => {
      const lies: readonly string[][] = [
        ["X-Forwarded-Uri: /free/x"],
        ["X-Forwarded-Uri: /free/x", "X-Forwarded-Uri: /free/x"],
        ["X-Original-URI: /free/x", "X-Original-Method: GET"],
        ["X-Original-URL: http://127.0.0.1/free/x"],
        ["X-Rewrite-URL: /free/x"],
        ["X-Forwarded-Method: OPTIONS", "X-Original-Method: OPTIONS"],
        ["X-Edge-Limiter-Key: el_live_0", "X-Forwarded-Uri: /free/x"],
        ["Connection: X-Edge-Limiter-Key, X-Forwarded-Uri, X-Original-URI, X-User-Id"],
        ["X-HTTP-Method-Override: OPTIONS"],
        ["Origin: https://a.example", "Access-Control-Request-Method: GET"],
      ];
      for (const lines of lies) {
        const status = await get(proxy.url, "/private/1", lines);
        expect([lines, [400, 401].includes(status), origin.received()]).toEqual([lines, true, []]);
      }
    },
  );

  it.runIf(isInstalled)("forwards no method or path that overrides the one that was limited", async () => {
    const answer = await ask(
      "/items/1",
      {
        "X-HTTP-Method-Override": "DELETE",
        "X-HTTP-Method": "DELETE",
        "X-Method-Override": "DELETE",
        "X-Original-URL": "/private/1",
        "X-Rewrite-URL": "/private/1",
      },
      "POST",
    );
    expect(answer.status).toBe(200);
    const names = Object.keys(origin.received()[0]?.headers ?? {});
    expect(names.filter((header) => /override|x-http-method|original|rewrite/.test(header))).toEqual([]);
  });

  it.runIf(isInstalled)("never lets a path be read as another one than was limited", async () => {
    const targets = [
      "/free/../private/1",
      "/free/./../private/1",
      "/free/%2e%2e/private/1",
      "/free/.%2E/private/1",
      "/free/..%2fprivate/1",
      "/free/..%5cprivate/1",
      "/free/..\\private/1",
      "/free\\..\\private\\1",
      "/free/..;/private/1",
      "/free/..;a=b/private/1",
      "//private/1",
      "/free//../private/1",
      "/free/%252e%252e/private/1",
      "/%70rivate/1",
      "/private%2f1",
      "/privat%65/1",
      "/PRIVATE/1",
      "/private/1/",
      "/private;x=y/1",
      "/./private/1",
      "/free/x%00/../../private/1",
      "/free/x#/../../private/1",
      "/free/x?/../../private/1",
      "/private/../free/x",
      "/private/%2e%2e/free/x",
      "/private/..;/free/x",
      "/private\\..\\free\\x",
      "/private%2f..%2ffree/x",
      "/private/x/../../free/x",
      "http://127.0.0.1/private/1",
      `http://${proxy.url.host}/private/1`,
    ];
    for (const target of targets) {
      await get(proxy.url, target);
      for (const { target: forwarded } of origin.received()) {
        expect([target, isPrivate(forwarded)]).toEqual([target, false]);
      }
    }
    // The lists prove nothing if no path gets through at all.
    expect(await get(proxy.url, "/free/x")).toBe(200);
  });

  it.runIf(isInstalled)(
    "limits both of two requests on one connection, and a request that hides in another's body",
    async () => {
      const one = `POST /free/x HTTP/1.1\r\nHost: ${proxy.url.host}\r\n`;
      const hidden = `GET /private/1 HTTP/1.1\r\nHost: ${proxy.url.host}\r\n\r\n`;
      await rawRequest(proxy.url, `${one}Content-Length: 0\r\n\r\n${hidden}`);
      await rawRequest(
        proxy.url,
        `${one}Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      );
      await rawRequest(
        proxy.url,
        `${one}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${hidden}`,
      );
      await rawRequest(
        proxy.url,
        `${one}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      );
      // Time for the second of two requests: the next one is answered after it.
      await ask("/free/y");
      expect(origin.received().filter(({ target }) => isPrivate(target))).toEqual([]);
    },
  );

  it.runIf(isInstalled)("takes large headers to the limiter, or rejects them", async () => {
    const answer = await ask("/items/1", { "X-API-Key": pro, "X-Large": "x".repeat(7_000) });
    expect([200, 400, 413, 431]).toContain(answer.status);
    expect(origin.received()).toHaveLength(answer.status === 200 ? 1 : 0);
  });

  it.runIf(isInstalled)("asks about the very path that it forwards, however a client writes it", async () => {
    const asked: string[] = [];
    const limiter = await startLimiter((question, answer) => {
      const { headers, url = "" } = question;
      const named =
        headers["x-forwarded-uri"] ?? headers["x-original-uri"] ?? url.replace(/^\/api\/v1\/authorize/, "");
      asked.push(String(named));
      answer.writeHead(200, { "Content-Length": 0, "X-User-Tier": "free" }).end();
    });
    const admitting = await startProxy(name, { limiterPort: limiter.port, originPort: origin.port, key });
    try {
      asked.length = 0;
      origin.received();
      for (const target of WRITTEN) {
        await get(admitting.url, target);
        const forwarded = origin.received().map((received) => received.target);
        // What the API's own server rejects does not arrive.
        const questions = asked.splice(0);
        expect([target, forwarded]).toEqual([target, forwarded.length === 0 ? [] : questions]);
      }
    } finally {
      await Promise.all([admitting.stop(), limiter.close()]);
    }
  });

  // forwardAuth of Traefik waits for 30 s, which cannot be changed.
  it.runIf(isInstalled && name !== "traefik")(
    "asks once and passes nothing to the API if the limiter does not answer",
    async () => {
      let asked = 0;
      const silent = await startLimiter(() => void (asked += 1));
      const waiting = await startProxy(name, { limiterPort: silent.port, originPort: origin.port, key });
      try {
        asked = 0;
        const answer = await request(new URL("/items/1", waiting.url));
        expect([answer.status, asked]).toEqual([name === "haproxy" ? 504 : 503, 1]);
        expect(answer.receivedMs - answer.sentMs).toBeLessThan(10_000);
        expect(origin.received()).toEqual([]);
      } finally {
        await Promise.all([waiting.stop(), silent.close()]);
      }
    },
  );

  it.runIf(isInstalled)(
    "passes nothing to the API with a wrong key of its own, or if the limiter cannot be reached",
    async () => {
      const wrong = await startProxy(name, {
        limiterPort: product.url.port,
        originPort: origin.port,
        key: "wrong",
      });
      const lost = await startProxy(name, { limiterPort: await freePort(), originPort: origin.port, key });
      try {
        const rejected = await request(new URL("/items/1", wrong.url), { headers: { "X-API-Key": pro } });
        expect([rejected.status, rejected.headers["www-authenticate"]]).toEqual([403, undefined]);
        const unavailable = await request(new URL("/items/1", lost.url), { headers: { "X-API-Key": pro } });
        expect(unavailable.status).toBe(name === "traefik" ? 500 : 503);
        expect(origin.received()).toEqual([]);
      } finally {
        await Promise.all([wrong.stop(), lost.stop()]);
      }
    },
  );
});

/** Whether some server may read the target as one below /private: one that resolves and decodes it, or one that does not. */
function isPrivate(target: string): boolean {
  const path = target.replace(/^https?:\/\/[^/]*/, "").replace(/[?#].*$/s, "");
  const decoded = decodeTwice(path)
    .replaceAll("\\", "/")
    .replaceAll(/;[^/]*/g, "");
  const readings = [path, decoded, new URL(`http://x/${decoded}`).pathname];
  return readings.some((reading) => /^\/*private(\/|$)/i.test(reading));
}

function decodeTwice(path: string): string {
  const once = (text: string) =>
    text.replaceAll(/%([0-9a-f]{2})/gi, (_whole, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return once(once(path));
}

describe("Envoy's global rate limit", () => {
  const name = "envoy-rate-limit";
  const isInstalled = executableOf(name) !== null;

  it.runIf(isInstalled)(
    "asks the product through Envoy's bridge: 429, Retry-After and RateLimit, and a route's cost",
    async () => {
      const ports = { limiterPort: product.url.port, originPort: origin.port };
      await newAccount(product, "of-envoy", "tiny");
      const proxy = await startProxy(name, { ...ports, key });
      const wrong = await startProxy(name, { ...ports, key: "wrong" });
      try {
        origin.received();
        const ask = (path: string, user: string, at = proxy) =>
          request(new URL(path, at.url), { headers: { "X-User": user } });
        const allowed = await ask("/items/1", "of-envoy");
        expect([allowed.status, allowed.headers["ratelimit"]]).toEqual([
          200,
          expect.stringMatching(/^"hour";r=1;t=\d+$/),
        ]);
        // It costs two, and one is left.
        const denied = await ask("/compare", "of-envoy");
        expect(denied.status).toBe(429);
        expect(denied.headers["ratelimit"]).toMatch(/^"hour";r=1;t=\d+$/);
        expect(Number(denied.headers["retry-after"])).toBeGreaterThan(60);
        expect((await ask("/items/1", "of-envoy")).status).toBe(200);
        expect((await ask("/items/1", "of-envoy")).status).toBe(429);
        expect((await ask("/items/1", "another")).status).toBe(200);
        // A rule denies it.
        expect((await ask("/items/1", "mallory")).status).toBe(429);
        // A user that is no id does not pass.
        expect((await ask("/items/1", "two words")).status).toBe(429);
        expect(origin.received()).toHaveLength(3);
        expect((await ask("/items/1", "another", wrong)).status).toBe(503);
        expect(origin.received()).toEqual([]);
      } finally {
        await Promise.all([proxy.stop(), wrong.stop()]);
      }
    },
  );
});
