/** The bare Hono Worker without a limiter, the baseline: answers directly, or forwards to ORIGIN if it is bound. */
import { Hono } from "hono";

const app = new Hono<{ Bindings: { ORIGIN?: Fetcher } }>();
app.all("*", (c): Response | Promise<Response> =>
  c.env.ORIGIN ? c.env.ORIGIN.fetch(c.req.raw) : c.text("ok"),
);

export default app;
