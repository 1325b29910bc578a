/**
 * Records an error of the API, so that its request id leads to it: which endpoint answered what to whom. Errors of administrators and of the
 * portal belong to no account, and no figure counts them: operating the API, or reading a bill, is not traffic of the API. Decisions record
 * themselves (decisions/check.ts).
 */
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import { pointOf } from "../analytics/decision-point.ts";
import { placeOf } from "../analytics/place.ts";
import type { AppEnv } from "../edge/app-env.ts";
import { reportedTier } from "../edge/caller-tier.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Policy } from "../policy/compile.ts";
import { isOfPortal } from "../policy/route-table.ts";
import { ADMIN, PORTAL } from "./endpoint.ts";

const PROBLEM = "application/problem+json";

/** Does nothing unless the response is a problem that is not recorded yet. */
export async function recordError(c: Context<AppEnv>): Promise<void> {
  const { services, requestId } = c.var;
  const { res } = c;
  if (res.status < 400 || c.get("isRecorded") === true || res.headers.get("Content-Type") !== PROBLEM) return;
  // Unset if the request did not get so far.
  const caller: Caller | undefined = c.get("caller");
  const policy: Policy | undefined = c.get("policy");
  const about = {
    atMs: Date.now(),
    account: caller?.subject ?? "",
    route: matchedRoutes(c).find(({ method }) => method !== "ALL" && method !== "OPTIONS")?.path ?? "",
    tier: caller && policy ? reportedTier(caller, policy) : "",
    method: c.req.method,
    place: placeOf(c.req.raw),
    revision: policy?.revision ?? 0,
    keyId: caller?.keyId ?? null,
    upstreamCode: 0,
    requestId,
    limiterMs: 0,
    upstreamMs: 0,
    ...(isCounted(c.req.path) ? {} : { requests: 0 as const }),
  };
  const outcome = res.status < 500 ? "denied" : "error";
  const point = pointOf(about, null, outcome, await codeOf(res.clone()));
  services.recorder.record(point, (work) => c.executionCtx.waitUntil(work));
}

function isCounted(path: string): boolean {
  return !path.startsWith(`${ADMIN}/`) && !path.startsWith(`${PORTAL}/`) && !isOfPortal(path);
}

/** The problem's code: as the gateway names the reason. */
async function codeOf(response: Response): Promise<string> {
  const { code }: { code?: unknown } = { ...Object(await response.json()) };
  if (code === "invalid_credentials") return "unauthenticated";
  return typeof code === "string" ? code : "error";
}
