/** `GET /live`: decisions as they are made, over a WebSocket to the hub. analytics/live.ts has the protocol. */
import type { Context } from "hono";
import { firstHub, HUB_DEADLINE_MS } from "../../analytics/hub.ts";
import { EXPIRES } from "../../analytics/live.ts";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../gateway/app-env.ts";
import { problem } from "../../gateway/problem.ts";
import { messageOf } from "../../log.ts";
import { readQuery } from "../query.ts";
import { liveQuery } from "../schemas.ts";

const RETRY_MS = 5_000;

export async function live(c: Context<AppEnv>): Promise<Response> {
  const { services, requestId } = c.var;
  if (c.req.header("Upgrade")?.toLowerCase() !== "websocket") {
    return problem("upgrade_required", "The live stream is a WebSocket.", requestId, {
      headers: { Upgrade: "websocket", Connection: "Upgrade" },
    });
  }
  const query = readQuery(c, liveQuery);
  if (!query.ok) return query.response;
  const url = new URL("https://hub/live");
  for (const [name, value] of Object.entries(query.value)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const { expiresMs } = c.var.actor;
  if (expiresMs !== null) url.searchParams.set(EXPIRES, String(expiresMs));
  try {
    const opening = firstHub(c.env.METRICS_HUB).fetch(url, { headers: { Upgrade: "websocket" } });
    const response = await withDeadline(opening, HUB_DEADLINE_MS, "metrics hub");
    if (response.webSocket) return new Response(null, { status: 101, webSocket: response.webSocket });
    const detail = "There are as many viewers already as may be.";
    return problem("temporary_reduced_capacity", detail, requestId, { retryAfterMs: RETRY_MS });
  } catch (thrown) {
    services.log("error", "hub_failed", { requestId, error: messageOf(thrown) });
    const detail = "The live stream is not to be had at the moment.";
    return problem("temporary_reduced_capacity", detail, requestId, { retryAfterMs: RETRY_MS });
  }
}
