/** An app with hono-rate-limiter. Sends itself requests, and prints how many were admitted. */
import { EdgeLimiter } from "@edge-limiter/client";
import { EdgeLimiterStore } from "@edge-limiter/client/hono";
import { Hono } from "hono";
import { rateLimiter } from "hono-rate-limiter";

const [url = "", key = "", user = "", requests = "0"] = process.argv.slice(2);
const limiter = new EdgeLimiter({ url, key, timeoutMs: 30_000, onFailure: "closed" });
const app = new Hono();
app.use(
  rateLimiter({
    limit: 100,
    keyGenerator: (c) => c.req.header("X-User") ?? "",
    store: new EdgeLimiterStore(limiter, { prefix: "hono:" }),
  }),
);
app.get("/", (c) => c.text("ok"));
const statuses = await Promise.all(
  Array.from({ length: Number(requests) }, async () => {
    const response = await app.request("/", { headers: { "X-User": user } });
    return response.status;
  }),
);
console.log(
  statuses.filter((status) => status === 200).length,
  statuses.filter((status) => status === 429).length,
);
