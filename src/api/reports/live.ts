/** `GET /live`: decisions as they are made, over a WebSocket to the hub. analytics/live.ts has the protocol. */
import type { Context } from "hono";
import { firstHub, HUB_DEADLINE_MS } from "../../objects/metrics-hub.ts";
import { EXPIRES, SESSION, VIEWER } from "../../analytics/live.ts";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unauthorized } from "../../edge/problem.ts";
import { messageOf } from "../../log.ts";
import { readQuery } from "../query.ts";
import { liveQuery } from "../schemas.ts";
import { sessionStanding, standingUnknown } from "../session/session-standing.ts";

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
  const { name: actor, source, session, expiresMs } = c.var.actor;
  url.searchParams.set(VIEWER, `${source}:${actor}`);
  if (expiresMs !== null) url.searchParams.set(EXPIRES, String(expiresMs));
  if (session) url.searchParams.set(SESSION, session.id);
  try {
    const opening = firstHub(c.env.METRICS_HUB).fetch(url, { headers: { Upgrade: "websocket" } });
    const response = await withDeadline(opening, HUB_DEADLINE_MS, "metrics hub");
    const { webSocket } = response;
    if (webSocket) return await whileGood(c, webSocket);
    const detail = "All live streams are taken, each by another administrator.";
    return problem("temporary_reduced_capacity", detail, requestId, { retryAfterMs: RETRY_MS });
  } catch (thrown) {
    services.log("error", "hub_failed", { requestId, error: messageOf(thrown) });
    const detail = "The live stream is not to be had at the moment.";
    return problem("temporary_reduced_capacity", detail, requestId, { retryAfterMs: RETRY_MS });
  }
}

/** The stream, unless its session was logged out while it was opened: the hub did not know the stream then, and could not end it. */
async function whileGood(c: Context<AppEnv>, webSocket: WebSocket): Promise<Response> {
  const { session } = c.var.actor;
  const standing = session ? await sessionStanding(c, session) : "good";
  if (standing === "good") return new Response(null, { status: 101, webSocket });
  webSocket.accept();
  webSocket.close();
  const { requestId } = c.var;
  return standing === "unknown"
    ? standingUnknown(requestId)
    : unauthorized("The session is over: log in again.", requestId);
}
