/** The deployment's metrics in Prometheus' text format, at two paths: for monitoring and for the dashboard. */
import type { Context } from "hono";
import { EXPOSITION_TYPE } from "../../analytics/metrics/exposition.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { ask } from "../ask.ts";
import { ADMIN, type Endpoints, LIMIT } from "../endpoint.ts";

export const METRICS = {
  metrics: { method: "GET", path: `${LIMIT}/metrics`, access: "viewer", handler: metrics },
  // Browsers send the session's cookie only to paths below ADMIN.
  adminMetrics: { method: "GET", path: `${ADMIN}/metrics`, access: "viewer", handler: metrics },
} as const satisfies Endpoints;

/** 503 if the hub does not answer: Prometheus shows a failed scrape as `up == 0`. */
function metrics(c: Context<AppEnv>): Promise<Response> {
  return ask(c, "metrics hub", c.var.admin.scrape(Date.now()), (text) =>
    c.body(text, 200, { "Content-Type": EXPOSITION_TYPE }),
  );
}
