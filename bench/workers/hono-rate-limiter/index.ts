/** hono-rate-limiter with its Durable Object store, set up as in its documentation. The X-Limit header is the limit per minute. */
import { DurableObjectRateLimiter, DurableObjectStore } from "@hono-rate-limiter/cloudflare";
import { Hono, type MiddlewareHandler } from "hono";
import { rateLimiter } from "hono-rate-limiter";

export { DurableObjectRateLimiter };

interface Bindings {
  readonly STORE: DurableObjectNamespace<DurableObjectRateLimiter>;
}
type PeerEnv = { Bindings: Bindings };

const NO_LIMIT = 1e9;
let limiter: MiddlewareHandler<PeerEnv> | null = null;

const app = new Hono<PeerEnv>();
app.use((c, next) => {
  limiter ??= rateLimiter<PeerEnv>({
    windowMs: 60_000,
    limit: (context) => Number(context.req.header("X-Limit") ?? NO_LIMIT),
    standardHeaders: "draft-7",
    keyGenerator: (context) => context.req.header("X-User") ?? "one",
    store: new DurableObjectStore({ namespace: c.env.STORE }),
  });
  return limiter(c, next);
});
app.all("*", (c) => c.text("ok"));

export default app;
