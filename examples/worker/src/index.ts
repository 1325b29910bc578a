/** A reports API: each report costs 5, and the caller's own `X-User` stands for the authentication that a real one has. */
import type { EdgeLimiterBinding } from "@edge-limiter/client";
import { limit } from "@edge-limiter/client/limit";
import { Hono } from "hono";

interface Env {
  Bindings: { EDGE_LIMITER: EdgeLimiterBinding };
}

const app = new Hono<Env>();

app.use(
  "/reports/*",
  limit<Env>({
    decide: (c) => c.env.EDGE_LIMITER.check({ user: c.req.header("X-User") ?? "nobody", cost: 5 }),
    xRateLimit: () => true,
  }),
);
app.get("/reports/:id", (c) =>
  c.json({ report: c.req.param("id"), for: c.req.header("X-User") ?? "nobody" }),
);

export default app;
