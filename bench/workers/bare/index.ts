/**
 * The bare Hono Worker without a limiter, the baseline: answers directly, or forwards to ORIGIN if it is bound. /headers answers with the
 * headers of a hot user with two limits, so that what remains of a comparison is the limiter's own work.
 */
import { Hono } from "hono";

const app = new Hono<{ Bindings: { ORIGIN?: Fetcher } }>();
app.get("/headers", (c) => {
  c.header("X-Request-Id", crypto.randomUUID());
  c.header("RateLimit-Policy", '"second";q=40000;w=2, "month";q=1000000000;w=2592000');
  c.header("RateLimit", `"second";r=${40_000 - (Date.now() % 1_000)};t=1, "month";r=999990000;t=86400`);
  return c.text("ok");
});
app.all("*", (c): Response | Promise<Response> =>
  c.env.ORIGIN ? c.env.ORIGIN.fetch(c.req.raw) : c.text("ok"),
);

export default app;
