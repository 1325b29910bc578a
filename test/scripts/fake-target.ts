/** A fake of the running product on loopback: healthy, except for the replies that a test sets. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Replies by path, or by method and path; `count` is 1 for the first request. Other paths reply as in a healthy product. */
export type Replies = Readonly<Record<string, Reply | Replier>>;
type Replier = (count: number, query: URLSearchParams, request: Received) => Reply;

/** What a reply may depend on. */
export interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface FakeServer {
  readonly url: string;
  /** Such as `GET /health`, in order of arrival. */
  readonly requests: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

const LIMITS = { RateLimit: '"refresh";r=4;t=12', "RateLimit-Policy": '"refresh";q=5;w=60' };

export const HEALTH = {
  status: "ok",
  version: "0.1.0",
  revision: 7,
  checks: { policy: "ok", limiter: "ok" },
};

/** An allowed request, with an upstream that knows no such path. */
export const ALLOWED: Reply = { status: 404, headers: LIMITS, body: {} };

/** A complete denial: all headers and the code. */
export const DENIED: Reply = {
  status: 429,
  headers: {
    ...LIMITS,
    RateLimit: '"refresh";r=0;t=12',
    "Content-Type": "application/problem+json",
    "Retry-After": "12",
  },
  body: { code: "quota_exceeded" },
};

const HEALTHY: Replies = {
  "/health": { body: HEALTH },
  "/ready": { body: { ready: true, checks: { policy: "ok", limiter: "ok" } } },
  "/api/v1/rate-limit/status": {
    body: { tier: "anonymous", limits: [{ name: "minute", limit: 45, remaining: 44 }] },
  },
  "/api/refresh": (count) => (count <= 5 ? ALLOWED : DENIED),
};

/** Starts the fake product. */
export function startTarget(replies: Replies = {}): Promise<FakeServer> {
  return startServer({ ...HEALTHY, ...replies });
}

/** Starts a server with these replies; other paths get 404. */
export async function startServer(replies: Replies): Promise<FakeServer> {
  const requests: string[] = [];
  const counts = new Map<string, number>();
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { pathname: path, searchParams } = new URL(request.url ?? "/", "http://fake");
    requests.push(`${request.method} ${path}`);
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    const found = replies[`${request.method} ${path}`] ?? replies[path] ?? { status: 404, body: {} };
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const received = { headers: request.headers, body: Buffer.concat(chunks).toString("latin1") };
      const reply = typeof found === "function" ? found(count, searchParams, received) : found;
      const { status = 200, headers = {}, body } = reply;
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      const isText = typeof body === "string" && headers["Content-Type"] === "text/plain";
      response.end(body === undefined ? "" : isText ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
