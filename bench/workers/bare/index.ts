/** The bare Hono Worker that everything is compared with: answers itself, or forwards where it is given an ORIGIN. No limiter. */
import { Hono } from "hono";

const app = new Hono<{ Bindings: { ORIGIN?: Fetcher } }>();
app.all("*", (c): Response | Promise<Response> =>
  c.env.ORIGIN ? c.env.ORIGIN.fetch(c.req.raw) : c.text("ok"),
);

export default app;
