/** The gateway's path to the upstream and back, in the started product: bodies, streams, WebSockets and encodings. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as openConnection } from "node:net";
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "./client.ts";
import { ADMIN_TOKEN, type Checkout, makeCheckout, LONG_DEADLINE } from "./checkout.ts";
import { BINARY, CLOSE, connect, FrameSocket, listen, TEXT as TEXT_FRAME } from "./frame-socket.ts";
import { type Product, publishPolicy, startProduct } from "./product.ts";

let checkout: Checkout;
let product: Product;
/** The test's own upstreams, besides the demo origin. */
let compressing: Server;
let sockets: Server;
/** Handlers of the next request for /late, and of the next WebSocket, at their upstream. */
let late: (answer: ServerResponse) => void = () => undefined;
let accepted: (socket: FrameSocket) => void = () => undefined;

/** How the uploads to `/odd/upload` and `/odd/slot/upload` ended. */
const uploads: string[] = [];

/** Answers that a gateway must not touch, by the last segment of the path. */
function answerOddly(incoming: IncomingMessage, answer: ServerResponse): void {
  const encoded = { "Content-Type": "text/plain", "Content-Encoding": "gzip", ETag: '"strong"' };
  const content = gzipSync(TEXT);
  switch (incoming.url?.split("?", 1)[0]?.split("/").at(-1)) {
    case "gzip":
      answer.writeHead(200, { ...encoded, "Content-Length": content.length }).end(content);
      return;
    case "part": {
      const range = `bytes 10-59/${content.length}`;
      answer.writeHead(206, { ...encoded, "Content-Range": range, "Content-Length": 50 });
      answer.end(content.subarray(10, 60));
      return;
    }
    case "empty":
      answer.writeHead(200, { ...encoded, "Content-Length": 0 }).end();
      return;
    case "mislabelled":
      answer.writeHead(200, { ...encoded, "Content-Length": TEXT.length }).end(TEXT);
      return;
    case "status":
      answer.writeHead(999, "Odd").end("odd");
      return;
    case "protocol":
      answer.writeHead(101, { Connection: "Upgrade", Upgrade: "odd" }).end();
      return;
    case "upload":
      incoming.on("aborted", () => uploads.push("broken off"));
      incoming.on("end", () => {
        uploads.push("whole");
        answer.end("taken");
      });
      incoming.resume();
      return;
    case "negotiated": {
      const takesGzip = /gzip/.test(String(incoming.headers["accept-encoding"] ?? ""));
      answer.writeHead(200, takesGzip ? encoded : {}).end(takesGzip ? content : TEXT);
      return;
    }
    case "headers":
      answer.writeHead(200, { "Content-Type": "application/json", "X-Target": incoming.url });
      answer.end(JSON.stringify(incoming.headers));
      return;
  }
  answer.writeHead(404).end();
}

const TEXT = "the same words over and over again, ".repeat(1_000);

beforeAll(async () => {
  compressing = createServer((incoming, answer) => {
    if (incoming.url === "/late") return late(answer);
    if (incoming.url?.startsWith("/odd/")) return answerOddly(incoming, answer);
    answer.writeHead(200, { "Content-Type": "text/plain", "Content-Encoding": "gzip", ETag: '"z"' });
    answer.end(gzipSync(TEXT));
  });
  compressing.listen(0, "127.0.0.1");
  await once(compressing, "listening");
  const address = compressing.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  const listening = await listen((socket) => accepted(socket));
  sockets = listening.server;
  const manySlots = { name: "many", kind: "concurrency", max: 100, ttlMs: 60_000 };
  const slot = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 3_600_000 };
  const changed = {
    rename: { signature: "x-sig" },
    set: { authorization: "Bearer ${secret.TEST}", "x-plan": "${tier}" },
  };
  checkout = await makeCheckout({ devVars: { ...LONG_DEADLINE, UPSTREAM_SECRET_TEST: "hush" } });
  product = await startProduct(checkout);
  await publishPolicy(product, {
    upstreams: { odd: { targets: [{ url: `http://127.0.0.1:${address.port}` }] } },
    routes: [
      { match: "/gzip", cost: 0, upstream: `http://127.0.0.1:${address.port}` },
      { match: "/one-at-a-time", cost: 0.001, limits: [slot], upstream: listening.url },
      {
        match: "/odd/slot/:what",
        cost: 0.001,
        limits: [manySlots],
        upstream: `http://127.0.0.1:${address.port}`,
      },
      { match: "/odd/pool/:what", cost: 0.001, upstream: "pool:odd" },
      { match: "/odd/:what", cost: 0.001, upstream: `http://127.0.0.1:${address.port}` },
      {
        match: "/late",
        cost: 0.001,
        limits: [slot],
        upstream: `http://127.0.0.1:${address.port}`,
      },
      {
        match: "/changed/socket",
        cost: 0.001,
        upstream: listening.url,
        request: { path: "/", headers: changed },
        response: { headers: { set: { "x-served-by": "edge" } } },
      },
      {
        match: "/changed/:what/*",
        cost: 0.001,
        upstream: `http://127.0.0.1:${address.port}`,
        request: { path: "/odd/:what", headers: changed, query: { set: { what: "${param.what}" } } },
        response: { headers: { set: { "x-served-by": "edge" } } },
      },
      {
        match: "/cached/:what",
        cost: 0.001,
        limits: [slot],
        upstream: `http://127.0.0.1:${address.port}`,
        request: { path: "/odd/:what" },
        cache: { ttlSeconds: 60, share: "all" },
      },
      { match: "/*", cost: 0.001 },
    ],
  });
});

afterAll(async () => {
  await product?.run.stop();
  compressing?.closeAllConnections();
  compressing?.close();
  sockets?.closeAllConnections();
  sockets?.close();
  await checkout?.remove();
});

const at = (path: string): URL => new URL(path, product.url);

async function answerTo(outgoing: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  const [incoming]: IncomingMessage[] = await once(outgoing, "response");
  if (!incoming) throw new Error("no response");
  return incoming;
}

describe("a stream", () => {
  it("arrives chunk by chunk", async () => {
    const outgoing = httpRequest(at("/stream?chunks=5&intervalMs=200"));
    outgoing.end();
    const incoming = await answerTo(outgoing);
    const arrivals: string[] = [];
    for await (const chunk of incoming) arrivals.push(String(chunk));
    expect(arrivals).toEqual([1, 2, 3, 4, 5].map((n) => `chunk ${n} of 5\n`));
  });

  it("is not buffered: the response to the first megabyte arrives before the last megabyte is sent", async () => {
    const pieces = Array.from({ length: 4 }, () => randomBytes(1_000_000));
    const outgoing = httpRequest(at("/echo"), { method: "POST" });
    const response = answerTo(outgoing);
    const received: Buffer[] = [];
    let length = 0;
    let sent = 0;
    let reader: AsyncIterator<Buffer> | null = null;
    for (const piece of pieces) {
      outgoing.write(piece);
      sent += piece.length;
      reader ??= (await response)[Symbol.asyncIterator]();
      // Waits forever if anything on the way buffers the whole body; the last bytes may be buffered.
      while (length < sent - 100_000) {
        const { value, done } = await reader.next();
        if (done) throw new Error("the answer ended early");
        received.push(value);
        length += value.length;
      }
    }
    outgoing.end();
    for (let next = await reader?.next(); next && !next.done; next = await reader?.next())
      received.push(next.value);
    expect(Buffer.concat(received).equals(Buffer.concat(pieces))).toBe(true);
  });

  it("abandoned by its client causes no error", async () => {
    const outgoing = httpRequest(at("/stream?chunks=1000&intervalMs=1000"));
    outgoing.end();
    const incoming = await answerTo(outgoing);
    await once(incoming, "data");
    outgoing.destroy();
    expect((await request(at("/identify"))).status).toBe(200);
    expect(product.run.trouble).toEqual([]);
  });
});

it("a GET or HEAD that declares no content is forwarded, and one with content is rejected with 400", async () => {
  const sent = async (method: string, headers: Record<string, string>, content: string) => {
    const outgoing = httpRequest(at("/identify"), { method, headers });
    outgoing.end(content);
    const incoming = await answerTo(outgoing);
    incoming.resume();
    return [incoming.statusCode, incoming.headers["ratelimit"] !== undefined];
  };
  for (const method of ["GET", "HEAD"]) {
    expect(await sent(method, { "Content-Length": "0" }, "")).toEqual([200, true]);
    expect(await sent(method, { "Content-Length": "3" }, "abc")).toEqual([400, false]);
    expect(await sent(method, { "Transfer-Encoding": "chunked" }, "abc")).toEqual([400, false]);
  }
  expect(product.run.trouble).toEqual([]);
});

it("a WebSocket is relayed, text as text and bytes as bytes", async () => {
  const socket = new WebSocket(at("/ws").href.replace("http", "ws"));
  socket.binaryType = "arraybuffer";
  await once(socket, "open");
  const heard = async (sent: string | Uint8Array<ArrayBuffer>): Promise<unknown> => {
    const message = once(socket, "message");
    socket.send(sent);
    const [event]: MessageEvent[] = await message;
    return event?.data;
  };
  expect(await heard("hello")).toBe("hello");
  const bytes = new Uint8Array([0, 1, 254, 255]);
  const echoed = await heard(bytes);
  expect(echoed instanceof ArrayBuffer && Buffer.from(echoed).equals(bytes)).toBe(true);
  const closed = once(socket, "close");
  socket.close(1000);
  await closed;
});

describe("a WebSocket that holds a slot", () => {
  const path = "/one-at-a-time";

  /** Both ends of a new WebSocket, once the slot is free. This takes a few tries, since a separate call releases the slot. */
  async function opened(headers: Record<string, string> = {}): Promise<[FrameSocket, FrameSocket]> {
    const reaching = new Promise<FrameSocket>((resolve) => {
      accepted = resolve;
    });
    for (let tries = 0; tries < 100; tries++) {
      const client = await connect(at(path), headers);
      if (client instanceof FrameSocket) return [client, await reaching];
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    throw new Error("the slot was not released");
  }

  /** Checks that no other request is admitted. */
  async function isTaken(): Promise<void> {
    const answer = await connect(at(path));
    if (answer instanceof FrameSocket) throw new Error("two at once");
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([429, "1"]);
  }

  it("carries text, bytes and the subprotocol both ways, and no second one is admitted meanwhile", async () => {
    const [client, upstream] = await opened({ "Sec-WebSocket-Protocol": "chat, superchat" });
    expect(upstream.headers["sec-websocket-protocol"]).toBe("chat, superchat");
    expect(client.headers["sec-websocket-protocol"]).toBe("chat");
    expect(client.headers["ratelimit"]).toContain('"parallel";r=0;t=1');
    const large = randomBytes(1_000_000);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.send(TEXT_FRAME, "zo\u00eb \u{1f600}");
      expect(await to.next()).toEqual({ opcode: TEXT_FRAME, payload: Buffer.from("zo\u00eb \u{1f600}") });
      for (const bytes of [Buffer.from([0, 255, 128]), Buffer.alloc(0), large]) {
        from.send(BINARY, bytes);
        const frame = await to.next();
        expect(frame?.opcode).toBe(BINARY);
        expect(frame?.payload.equals(bytes)).toBe(true);
      }
    }
    await isTaken();
    client.close(1000);
    expect(await upstream.closed()).toBe("1000");
  });

  it.each([
    ["the client", 0],
    ["the upstream", 1],
  ])("releases it when %s closes, and the other side gets the code", async (_who, closing) => {
    // powersync-ja/powersync-service#36
    for (const [code, reason] of [
      [1000, ""],
      [1001, "going away"],
      [3001, "registered"],
      [4999, "r".repeat(123)],
    ] as const) {
      const both = await opened();
      await isTaken();
      const [closer, other] = closing === 0 ? both : [both[1], both[0]];
      closer.close(code, reason);
      expect(await other.closed()).toBe(`${code} ${reason}`.trim());
      other.close(code, reason);
      expect(await closer.closed()).toContain(String(code));
    }
    const both = await opened();
    const [closer, other] = closing === 0 ? both : [both[1], both[0]];
    closer.send(CLOSE, "");
    expect(await other.closed()).toMatch(/^(none|1005)/);
    for (const socket of both) socket.socket.destroy();
    for (const { socket } of await opened()) socket.destroy();
  });

  it.each([
    ["the client", 0],
    ["the upstream", 1],
  ])("releases it when %s disconnects, and the other side gets 1011", async (_who, breaking) => {
    for (let i = 0; i < 2; i++) {
      const both = await opened();
      const [broken, other] = breaking === 0 ? both : [both[1], both[0]];
      if (i === 0) broken.socket.destroy();
      else broken.socket.resetAndDestroy();
      expect(await other.closed()).toMatch(/^1011/);
      for (const { socket } of await opened()) socket.destroy();
    }
  });

  it("releases it even if the other side does not answer the close", async () => {
    const [client] = await opened();
    client.close(1000);
    client.socket.destroy();
    const [, upstream] = await opened();
    upstream.close(1000);
    for (const { socket } of await opened()) socket.destroy();
  });

  it("is closed with 1009 when a message is too long", async () => {
    const [client, upstream] = await opened();
    upstream.send(BINARY, Buffer.alloc(5 * 1_048_576));
    expect(await client.closed()).toMatch(/^1009/);
    expect(await upstream.closed()).toMatch(/^1009/);
    for (const { socket } of await opened()) socket.destroy();
  });

  it("is closed with 1013 when too much is buffered for a client that does not read", async () => {
    const [client, upstream] = await opened();
    client.socket.pause();
    for (let i = 0; i < 40; i++) upstream.send(BINARY, Buffer.alloc(1_048_576));
    expect(await upstream.closed()).toMatch(/^1013/);
    client.socket.resume();
    expect(await client.closed()).toMatch(/^1013/);
    for (const { socket } of await opened()) socket.destroy();
  });
});

describe("a route that changes its requests and responses", () => {
  it("sends the changed path, query and headers, with the upstream's credential", async () => {
    const headers = { Signature: "s", "X-Plan": "enterprise", X_Plan: "enterprise" };
    const response = await request(at("/changed/headers/more?a=%20&what=evil"), { headers });
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      "x-target": "/odd/headers?a=%20&what=headers",
      "x-served-by": "edge",
    });
    expect(response.json()).toMatchObject({
      "x-sig": "s",
      authorization: "Bearer hush",
      "x-plan": "anonymous",
    });
    expect(Object.keys(Object(response.json()))).not.toContain("x_plan");
  });

  it("leaves a WebSocket as it is, and a HEAD without a body", async () => {
    const reaching = new Promise<FrameSocket>((resolve) => {
      accepted = resolve;
    });
    const client = await connect(at("/changed/socket"), { "Sec-WebSocket-Protocol": "chat" });
    if (!(client instanceof FrameSocket)) throw new Error(`no upgrade: ${client.statusCode}`);
    const upstream = await reaching;
    expect(upstream.headers).toMatchObject({ authorization: "Bearer hush", "x-plan": "anonymous" });
    expect(client.headers).toMatchObject({ "x-served-by": "edge", "sec-websocket-protocol": "chat" });
    client.send(TEXT_FRAME, "hello");
    expect((await upstream.next())?.payload.toString()).toBe("hello");
    client.socket.destroy();
    const head = await request(at("/changed/gzip"), { method: "HEAD" });
    expect([head.status, head.headers["x-served-by"], head.body.length]).toEqual([200, "edge", 0]);
  });
});

it("a purge by the admin API makes the next request of the route ask the upstream again", async () => {
  const status = async (): Promise<unknown> => {
    const response = await request(at("/cached/negotiated"), { headers: { "Accept-Encoding": "br" } });
    return response.headers["cache-status"];
  };
  expect(await status()).toContain("stored");
  expect(await status()).toContain("hit");
  const authorization = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const purge = {
    method: "POST",
    headers: authorization,
    body: JSON.stringify({ routes: ["/cached/:what"] }),
  };
  const purged = await request(at("/api/v1/admin/cache/purge"), purge);
  expect([purged.status, purged.json()]).toEqual([200, { generation: 1, published: expect.any(Boolean) }]);
  expect(await status()).toContain("stored");
  expect(await status()).toContain("hit");
  const listed = await request(at("/api/v1/admin/cache/purges"), { headers: authorization });
  expect(listed.json()).toMatchObject({ purges: [{ generation: 1, routes: ["/cached/:what"] }] });
});

describe("a cached route whose requests hold the only slot", () => {
  it("sends the bytes of the upstream from the store, and releases the slot each time", async () => {
    const found: unknown[] = [];
    for (const what of ["gzip", "gzip", "gzip", "empty", "empty", "part", "part"]) {
      const outgoing = httpRequest(at(`/cached/${what}`), { headers: { "Accept-Encoding": "gzip" } });
      outgoing.end();
      const incoming = await answerTo(outgoing);
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
      const body = Buffer.concat(chunks);
      const { "cache-status": status, "content-length": length } = incoming.headers;
      const text = what === "gzip" ? gunzipSync(body).toString() === TEXT : body.length;
      found.push([incoming.statusCode, text, Number(length), String(status).replace(/^edge-limiter; /, "")]);
    }
    const { length } = gzipSync(TEXT);
    expect(found).toEqual([
      [200, true, length, "fwd=miss; stored"],
      ...[1, 2].map(() => [200, true, length, expect.stringMatching(/^hit/)]),
      [200, 0, 0, "fwd=miss; stored"],
      [200, 0, 0, expect.stringMatching(/^hit/)],
      ...[1, 2].map(() => [206, 50, 50, "fwd=miss; detail=status"]),
    ]);
  });
});

describe("the slot of a request", () => {
  it("is released when its client leaves before the response begins", async () => {
    const reaching = new Promise<ServerResponse>((resolve) => {
      late = resolve;
    });
    const leaving = httpRequest(at("/late"), { agent: false });
    leaving.on("error", () => undefined);
    leaving.end();
    const waiting = await reaching;
    late = (answer) => void answer.end();
    const next = async (): Promise<number> => (await request(at("/late"))).status;
    expect(await next()).toBe(429);
    leaving.destroy();
    waiting.end("late");
    await expect.poll(next, { interval: 20, timeout: 5_000 }).toBe(200);
  });
});

describe("a compressed response", () => {
  it("reaches a client that accepts gzip as the upstream sent it", async () => {
    const answer = await request(at("/gzip"), { headers: { "Accept-Encoding": "gzip" } });
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(answer.body).toString()).toBe(TEXT);
  });

  it.each([{ "Accept-Encoding": "identity" }, {}])(
    "is readable for a client that sends %o",
    async (headers) => {
      const answer = await request(at("/gzip"), { headers });
      const text = answer.headers["content-encoding"] === "gzip" ? gunzipSync(answer.body) : answer.body;
      expect(text.toString()).toBe(TEXT);
    },
  );
});

describe.each(["/odd", "/odd/slot", "/odd/pool"])("the bytes of an encoded response on %s", (base) => {
  const get = async (what: string) =>
    request(at(`${base}/${what}`), { headers: { "Accept-Encoding": "gzip" } });

  it.each([
    ["gzip", 200, gzipSync(TEXT)],
    ["part", 206, gzipSync(TEXT).subarray(10, 60)],
    ["empty", 200, Buffer.alloc(0)],
    ["mislabelled", 200, Buffer.from(TEXT)],
  ])("are those of the upstream, with their length and ETag: %s", async (what, status, bytes) => {
    const response = await get(what);
    expect(response.status).toBe(status);
    expect(response.body.equals(bytes)).toBe(true);
    expect(response.headers).toMatchObject({
      "content-encoding": "gzip",
      "content-length": String(bytes.length),
      etag: '"strong"',
    });
  });

  it("are not encoded for a client that accepts no encoding, if the upstream negotiates", async () => {
    const response = await request(at(`${base}/negotiated`), { headers: { "Accept-Encoding": "identity" } });
    expect(response.headers["content-encoding"]).toBeUndefined();
    expect(response.body.toString()).toBe(TEXT);
  });
});

it.each([
  ["HTTP does not define", "status", "999"],
  ["is of a protocol that was not asked for", "protocol", "101"],
])("an upstream status that %s gives 502, and the detail names it", async (_what, path, status) => {
  const response = await request(at(`/odd/${path}`));
  expect(response.status).toBe(502);
  expect(response.json()).toMatchObject({ code: "upstream_error", detail: expect.stringContaining(status) });
});

describe("on a raw connection", () => {
  /** Sends these lines as they are, after a request line and a host. @returns the whole response. */
  async function raw(...lines: string[]): Promise<string> {
    const socket = openConnection(Number(product.url.port), "127.0.0.1");
    const head = ["GET /odd/headers HTTP/1.1", "Host: edge.test", "Connection: close"];
    socket.write([...head, ...lines, "", ""].join("\r\n"));
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    return text;
  }

  it.each([
    ["an empty body in chunks", ["Transfer-Encoding: chunked", "", "0"], "200"],
    ["a length of 00", ["Content-Length: 00"], "200"],
    ["a byte in chunks", ["Transfer-Encoding: chunked", "", "1", "x", "0"], "400"],
  ])("a GET with %s is forwarded only if it has no content", async (_what, lines, status) => {
    expect((await raw(...lines)).split(" ")[1]).toBe(status);
  });

  it("a GET that announces a byte is rejected before it is sent", async () => {
    const startedMs = performance.now();
    expect((await raw("Content-Length: 1")).split(" ")[1]).toBe("400");
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  it.each(["/odd/upload", "/odd/slot/upload", "/odd/pool/upload"])(
    "half an upload is not taken for a whole one: %s",
    async (path) => {
      const before = product.run.trouble.length;
      const head = `POST ${path} HTTP/1.1\r\nHost: edge.test\r\n`;
      for (const [framing, part] of [
        ["Transfer-Encoding: chunked", "5\r\nabcde\r\n"],
        ["Content-Length: 10", "abcde"],
      ]) {
        uploads.length = 0;
        const socket = openConnection(Number(product.url.port), "127.0.0.1");
        socket.write(`${head}${framing}\r\n\r\n${part}`);
        await new Promise((resolve) => {
          setTimeout(resolve, 300);
        });
        socket.destroy();
        await expect.poll(() => uploads, { timeout: 5_000 }).toEqual(["broken off"]);
      }
      // The log of the odd statuses before may come late.
      const trouble = product.run.trouble.slice(before).filter((line) => !/"error":"status \d+"/.test(line));
      expect(trouble).toEqual([]);
    },
  );

  it("two Cookie lines reach the upstream as one list", async () => {
    const text = await raw("Cookie: a=1", "Cookie: b=2");
    expect(text).toContain('"cookie":"a=1; b=2"');
  });
});
