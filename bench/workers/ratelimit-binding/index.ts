/**
 * Cloudflare's `ratelimits` binding, which counts per location and is permissive, according to its documentation. Outside Cloudflare,
 * Miniflare's simulation answers, which counts in the isolate. /limited has the limit per minute of the configuration.
 */
import { Hono } from "hono";

interface Bindings {
  readonly UNLIMITED: RateLimit;
  readonly LIMITED: RateLimit;
}

const app = new Hono<{ Bindings: Bindings }>();
app.all("*", async (c) => {
  const binding = c.req.path === "/limited" ? c.env.LIMITED : c.env.UNLIMITED;
  const { success } = await binding.limit({ key: c.req.header("X-User") ?? "one" });
  return c.text(success ? "ok" : "too many", success ? 200 : 429);
});

export default app;
