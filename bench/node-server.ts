/**
 * Node's HTTP server, with and without rate-limiter-flexible on Redis: `node node-server.ts <port of Redis>`. Prints the port
 * that it listens on. The X-Limit header is the limit per minute.
 */
import { createServer } from "node:http";
import { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

const NO_LIMIT = 1e9;
const WINDOW_S = 60;

const redis = new Redis(Number(process.argv[2]), "127.0.0.1", { maxRetriesPerRequest: 1 });
const limiters = new Map<number, RateLimiterRedis>();

const server = createServer((request, response) => {
  if (request.url === "/bare") {
    response.setHeader("Content-Type", "text/plain").end("ok");
    return;
  }
  const points = Number(request.headers["x-limit"] ?? NO_LIMIT);
  const limiter =
    limiters.get(points) ?? new RateLimiterRedis({ storeClient: redis, points, duration: WINDOW_S });
  limiters.set(points, limiter);
  limiter.consume(String(request.headers["x-api-key"] ?? "one")).then(
    ({ remainingPoints, msBeforeNext }) => {
      response.setHeader(
        "RateLimit",
        `limit=${points}, remaining=${remainingPoints}, reset=${Math.ceil(msBeforeNext / 1_000)}`,
      );
      response.setHeader("Content-Type", "text/plain").end("ok");
    },
    (rejected: unknown) => {
      response.statusCode = rejected instanceof RateLimiterRes ? 429 : 500;
      response.end();
    },
  );
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) console.log(`listening on ${address.port}`);
});
