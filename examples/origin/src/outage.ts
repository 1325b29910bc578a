/** Stops this origin for a while, so that a gateway in front of two can be seen to do without one. Must always end by itself. */
import type { Context, Next } from "hono";
import { problem } from "./problem.ts";
import { integer } from "./proxy-probes.ts";

const MAX_SECONDS = 300;

/** Until when this isolate is stopped, Unix milliseconds. The only thing that this Worker remembers. */
let untilMs = 0;

/** POST `?seconds=` (0 to 300; 0 ends an outage): for that long, this origin answers every other request with 503. */
export function outage(c: Context): Response {
  const seconds = integer("seconds", c.req.query("seconds"), 0, MAX_SECONDS, -1);
  if (typeof seconds !== "number" || seconds < 0) {
    const errors = [{ path: "/seconds", message: `must be 0 to ${MAX_SECONDS}` }];
    return problem(c.req.raw, { kind: "malformed", errors });
  }
  untilMs = seconds === 0 ? 0 : Date.now() + seconds * 1_000;
  return Response.json({ outageSeconds: seconds }, { headers: { "Cache-Control": "no-store" } });
}

/** Middleware. */
export async function duringOutage(c: Context, next: Next): Promise<Response | void> {
  if (Date.now() < untilMs && c.req.path !== "/outage") return problem(c.req.raw, { kind: "outage" });
  return next();
}
