/**
 * Shows an admin token to the deployment, and counts wrong ones: guessing is limited by the limiter itself, per address.
 *
 * A wrong token costs one of the address's attempts. A right one costs nothing, but is refused as well while there is none
 * left: without that, the one answer that is not 429 would give the token away, and the limit would slow no one down. Both are
 * one call to the address's object, which puts all attempts in one order: however many come at once, no more guesses
 * are answered than LOGIN_TIER admits.
 *
 * Who has shown the right token from an address is not asked again for a while, by this isolate: so an operator pays for one
 * call in ten minutes, and keeps working while somebody else behind the same address guesses. Others there wait as long as
 * Retry-After says; sessions, Cloudflare Access and other addresses are never touched. From such an address, and only from
 * there, guesses are not held back: what protects the token then is its length.
 */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { overloaded } from "../../edge/decision-response.ts";
import { problem, unauthorized } from "../../edge/problem.ts";
import { setRateLimitHeaders } from "../../edge/rate-limit-headers.ts";
import type { AdminToken } from "../../identity/admin/admin-settings.ts";
import { clientIp } from "../../identity/client-ip.ts";
import { LOGIN_TIER } from "../../policy/built-in-tiers.ts";
import { decideBuiltIn } from "../work-limit.ts";

/** How long a right token is not asked about again. */
const SEEN_MS = 600_000;
const RETRY_MS = 1_000;

export type TokenAttempt =
  | { readonly ok: true; readonly token: AdminToken }
  | { readonly ok: false; readonly response: Response };

/** Whose token this is; or 401, 429, or 503 where no policy is known, so that nothing can be limited. */
export async function attemptToken(c: Context<AppEnv>, secret: string): Promise<TokenAttempt> {
  const { services, requestId } = c.var;
  const { tokens, seen } = services.admin;
  const nowMs = Date.now();
  const address = clientIp(c.req.header("CF-Connecting-IP") ?? null);
  const token = await tokens.find(secret);
  if (token && seen.get(`${token.name} ${address}`, nowMs)) return { ok: true, token };

  const policy = await services.policies.current(nowMs, (work) => c.executionCtx.waitUntil(work));
  if (!policy) {
    const detail = "Tokens cannot be checked at the moment.";
    return refused(problem("temporary_reduced_capacity", detail, requestId, { retryAfterMs: RETRY_MS }));
  }
  const charge = { costMilli: null, peek: token !== null };
  const decision = await decideBuiltIn(c, `login:${address}`, LOGIN_TIER, policy, charge);
  if (token && decision.allowed) {
    seen.set(`${token.name} ${address}`, true, nowMs + SEEN_MS);
    return { ok: true, token };
  }
  const { allowed, outcome, violated, retryAfterMs } = decision;
  services.log("warn", "admin_unauthenticated", {
    requestId,
    address,
    reason: allowed ? "wrong token" : "too many attempts",
  });
  if (outcome === "overloaded") return refused(overloaded(requestId));
  const response = allowed
    ? unauthorized("This is not an admin token.", requestId)
    : problem(
        "quota_exceeded",
        "Too many wrong admin tokens came from this address: none is looked at before the time that Retry-After says.",
        requestId,
        { "violated-policies": violated, retryAfterMs },
      );
  setRateLimitHeaders(response.headers, decision, policy.xRateLimit, Date.now());
  return refused(response);
}

function refused(response: Response): TokenAttempt {
  return { ok: false, response };
}
