/** The gateway's way to the upstream and back, on the started product: bodies, streams, WebSockets and encodings as they are. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest, type Server } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "./client.ts";
import { type Checkout, makeCheckout, PATIENT } from "./checkout.ts";
import { type Product, startProduct } from "./product.ts";

let checkout: Checkout;
let product: Product;
/** An upstream of ours, beside the demo origin. */
let compressing: Server;

const TEXT = "the same words over and over again, ".repeat(1_000);

beforeAll(async () => {
  compressing = createServer((_incoming, answer) => {
    answer.writeHead(200, { "Content-Type": "text/plain", "Content-Encoding": "gzip", ETag: '"z"' });
    answer.end(gzipSync(TEXT));
  });
  compressing.listen(0, "127.0.0.1");
  await once(compressing, "listening");
  const address = compressing.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  checkout = await makeCheckout({
    devVars: PATIENT,
    policy: {
      routes: [
        { match: "/gzip", cost: 0, upstream: `http://127.0.0.1:${address.port}` },
        { match: "/*", cost: 0.001 },
      ],
    },
  });
  product = await startProduct(checkout);
});

afterAll(async () => {
  await product?.run.stop();
  compressing?.closeAllConnections();
  compressing?.close();
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

  it("is not held back: the answer to the first megabyte is there before the last is sent", async () => {
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
      // Waits for ever where anything between us and the upstream waits for the whole body; the last bytes may be buffered.
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

  it("that the client leaves is not held open", async () => {
    const outgoing = httpRequest(at("/stream?chunks=1000&intervalMs=1000"));
    outgoing.end();
    const incoming = await answerTo(outgoing);
    await once(incoming, "data");
    outgoing.destroy();
    expect((await request(at("/identify"))).status).toBe(200);
    expect(product.run.trouble).toEqual([]);
  });
});

it("a GET or HEAD that says it has no content is forwarded; one that has some is 400, rather than forwarded without", async () => {
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

it("a WebSocket goes through, text as text and bytes as bytes", async () => {
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

describe("a compressed answer", () => {
  it("reaches a client that takes gzip as the upstream sent it", async () => {
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
