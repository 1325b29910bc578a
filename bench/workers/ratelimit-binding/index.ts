/**
 * Cloudflare's `ratelimits` binding: counts per location, permissive by its documentation. Outside Cloudflare the runtime's
 * simulation of it answers, which counts in the isolate. /limited takes as many a minute as the configuration says.
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
