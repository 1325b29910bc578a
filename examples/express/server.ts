/**
 * An Express API that an Edge Limiter limits: `express-rate-limit` asks the limiter in place of its own memory, so that any number of
 * processes share exact limits. Settings: EDGE_LIMITER_URL, EDGE_LIMITER_KEY (with the scope `check`), PORT.
 */
import { EdgeLimiter } from "@edge-limiter/client";
import { EdgeLimiterStore } from "@edge-limiter/client/express";
import express from "express";
import { rateLimit } from "express-rate-limit";

const { EDGE_LIMITER_URL: url = "http://localhost:8787", EDGE_LIMITER_KEY: key, PORT = "3000" } = process.env;
if (!key)
  throw new Error(
    "set EDGE_LIMITER_KEY to an API key with the scope check, such as partner of .demo/keys.json",
  );

const limiter = new EdgeLimiter({ url, key, onError: (error) => console.error(String(error)) });
const app = express();

app.use(
  rateLimit({
    // What the headers report: the burst of the tier. The policy decides.
    limit: 150,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    keyGenerator: (request) => request.get("X-User") ?? "nobody",
    store: new EdgeLimiterStore(limiter, { prefix: "express:" }),
  }),
);
app.get("/report", (request, response) => {
  response.json({ report: "quarterly", for: request.get("X-User") ?? "nobody" });
});

const server = app.listen(Number(PORT), "127.0.0.1", () => {
  const address = server.address();
  console.log(`listening on port ${typeof address === "object" ? address?.port : address}`);
});
