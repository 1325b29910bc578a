/** Decisions as they are made, over a WebSocket to the hub. analytics/live.ts defines the protocol. */
import type { Context } from "hono";
import { firstHub, HUB_DEADLINE_MS } from "../../objects/metrics-hub.ts";
import { EXPIRES, liveFiltersSchema, SESSION, VIEWER } from "../../analytics/live.ts";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unauthorized, unavailable } from "../../edge/problem.ts";
import { messageOf } from "../../log.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { readQuery } from "../query.ts";
import { sessionStanding, standingUnknown } from "../session/session-standing.ts";

/** Reopening a stream is not urgent, and many viewers may try at once. */
const RETRY_MS = 5_000;

export const LIVE = {
  live: { method: "GET", path: `${ADMIN}/live`, access: "viewer", query: liveFiltersSchema, handler: live },
} as const satisfies Endpoints;

async function live(c: Context<AppEnv>): Promise<Response> {
  const { services, requestId } = c.var;
  if (c.req.header("Upgrade")?.toLowerCase() !== "websocket") {
    return problem("upgrade_required", "The live stream is a WebSocket.", requestId, {
      headers: { Upgrade: "websocket", Connection: "Upgrade" },
    });
  }
  const query = readQuery(c, liveFiltersSchema);
  if (!query.ok) return query.response;
  const url = new URL("https://hub/live");
  for (const [name, value] of Object.entries(query.value)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const { name: actor, source, session, expiresMs } = c.var.actor;
  url.searchParams.set(VIEWER, `${source}:${actor}`);
  if (expiresMs !== null) url.searchParams.set(EXPIRES, String(expiresMs));
  if (session) url.searchParams.set(SESSION, session.id);
  try {
    const opening = firstHub(c.env.METRICS_HUB).fetch(url, { headers: { Upgrade: "websocket" } });
    const response = await withDeadline(opening, HUB_DEADLINE_MS, "metrics hub");
    const { webSocket } = response;
    if (webSocket) return await unlessEnded(c, webSocket);
    const detail = "All live streams are in use, each by a different administrator.";
    return unavailable(detail, requestId, RETRY_MS);
  } catch (thrown) {
    services.log("error", "hub_failed", { requestId, error: messageOf(thrown) });
    return unavailable("The metrics hub is not responding.", requestId, RETRY_MS);
  }
}

/** The stream, unless its session ended while it was being opened: the hub did not know the stream yet and could not close it. */
async function unlessEnded(c: Context<AppEnv>, webSocket: WebSocket): Promise<Response> {
  const { session } = c.var.actor;
  const standing = session ? await sessionStanding(c, session) : "good";
  if (standing === "good") return new Response(null, { status: 101, webSocket });
  webSocket.accept();
  webSocket.close();
  const { requestId } = c.var;
  return standing === "unknown"
    ? standingUnknown(requestId)
    : unauthorized("The session has ended. Log in again.", requestId);
}
