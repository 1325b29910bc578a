/** The edge as one Hono app: the reserved paths first, everything else to the gateway. */
import { Hono } from "hono";
import { api } from "./api/api.ts";
import type { AppEnv } from "./gateway/app-env.ts";
import { gateway } from "./gateway/gateway.ts";
import { problem } from "./gateway/problem.ts";
import type { Services } from "./gateway/services.ts";
import { messageOf } from "./log.ts";
import { isReserved } from "./policy/route-table.ts";

/** Builds the app once per isolate. */
export function createApp(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set("services", services);
    c.set("requestId", crypto.randomUUID());
    await next();
  });
  app.onError((thrown, c) => {
    services.log("error", "unhandled", { requestId: c.var.requestId, error: messageOf(thrown) });
    return problem("internal_error", "Something went wrong here; the log knows more.", c.var.requestId);
  });
  app.route("/", api());
  app.use(async (c, next) => {
    if (!isReserved(c.req.path)) return next();
    return problem("not_found", "There is nothing at this path.", c.var.requestId);
  });
  app.route("/", gateway());
  return app;
}
