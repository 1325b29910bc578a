/** An API with express-rate-limit. Sends itself requests, and prints how many were admitted. */
import { EdgeLimiter } from "@edge-limiter/client";
import { EdgeLimiterStore } from "@edge-limiter/client/express";
import express from "express";
import { rateLimit } from "express-rate-limit";

const [url = "", key = "", user = "", requests = "0"] = process.argv.slice(2);
const limiter = new EdgeLimiter({ url, key, timeoutMs: 30_000, onFailure: "closed" });
const app = express();
app.use(
  rateLimit({
    limit: 100,
    standardHeaders: "draft-8",
    keyGenerator: (request) => request.get("X-User") ?? "",
    store: new EdgeLimiterStore(limiter, { prefix: "express:" }),
  }),
);
app.get("/", (_request, response) => {
  response.send("ok");
});
const server = app.listen(0, "127.0.0.1", async () => {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const statuses = await Promise.all(
    Array.from({ length: Number(requests) }, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { "X-User": user } });
      await response.text();
      if (response.status === 429 && !response.headers.has("Retry-After")) throw new Error("no Retry-After");
      return response.status;
    }),
  );
  console.log(
    statuses.filter((status) => status === 200).length,
    statuses.filter((status) => status === 429).length,
  );
  process.exit();
});
