/** Forbids caches to store a response. */
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../edge/app-env.ts";

/** Caches do not know that `X-API-Key` and the session's cookie are credentials (RFC 9111), so no response may be stored. */
export const noStore = createMiddleware<AppEnv>(async (c, next) => {
  c.header("Cache-Control", "no-store");
  return next();
});
