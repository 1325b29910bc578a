/** The edge as one Hono app: the reserved paths first, everything else to the gateway. */
import { Hono } from "hono";
import { api } from "./api/api.ts";
import type { AppEnv } from "./gateway/app-env.ts";
import { gateway } from "./gateway/gateway.ts";
import { problem } from "./gateway/problem.ts";
import type { Services } from "./gateway/services.ts";
import { messageOf } from "./log.ts";
import { RESERVED_TREES } from "./policy/route-table.ts";

/** Builds the app once per isolate. */
export function createApp(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.onError((thrown, c) => {
    // Unset where the very beginning failed.
    const requestId = c.get("requestId") ?? crypto.randomUUID();
    services.log("error", "unhandled", { requestId, error: messageOf(thrown) });
    return problem("internal_error", "Something went wrong here; the log knows more.", requestId);
  });
  for (const path of RESERVED_TREES) {
    app.use(path, async (c, next) => {
      c.set("services", services);
      c.set("requestId", crypto.randomUUID());
      await next();
    });
  }
  app.route("/", api());
  for (const path of RESERVED_TREES) {
    app.all(path, (c) => problem("not_found", "There is nothing at this path.", c.var.requestId));
  }
  app.route("/", gateway(services));
  return app;
}
