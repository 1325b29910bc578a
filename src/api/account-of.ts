/** Which account a request is for: that of the portal's session, or the one that the path of an endpoint for administrators names. */
import type { Context } from "hono";
import type { AppEnv } from "../edge/app-env.ts";

/** Not checked yet; "" if the path names none. With a session of the portal, nothing that the client sends chooses the account. */
export function accountOf(c: Context<AppEnv>): string {
  const visit = c.get("portal");
  return visit === undefined ? (c.req.param("id") ?? "") : visit.user;
}
