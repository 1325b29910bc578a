/** Metrics for Prometheus. */
import type { Context } from "hono";
import { EXPOSITION_TYPE } from "../../analytics/metrics/exposition.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { ask } from "../ask.ts";

/** 503 where the hub does not answer: a scrape that fails shows in Prometheus as `up == 0`. */
export function metrics(c: Context<AppEnv>): Promise<Response> {
  return ask(c, "metrics hub", c.var.services.scrape(Date.now()), (text) =>
    c.body(text, 200, { "Content-Type": EXPOSITION_TYPE }),
  );
}
