/**
 * Verifies an admin token and limits guesses: the limiter itself counts wrong tokens per address.
 *
 * A wrong token costs one of the address's attempts. A correct one costs nothing, but is rejected too while no attempt is left:
 * otherwise the only answer other than 429 would reveal the token, and the limit would not slow guesses down. Each attempt is one call to the
 * address's object, which orders all attempts: even if many arrive at once, no more guesses are answered than LOGIN_TIER admits.
 *
 * After a correct token from an address, this isolate accepts that token from there without a call for ten minutes. So an operator causes
 * one call in ten minutes, and keeps working while someone else behind the same address guesses. Other tokens from there wait for
 * Retry-After; sessions, Cloudflare Access and other addresses are not affected. From that address alone, guesses of this token are not
 * limited in that time: its length protects it.
 */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { unauthorized, unavailable } from "../../edge/problem.ts";
import { setRateLimitHeaders } from "../../edge/rate-limit-headers.ts";
import type { AdminToken } from "../../identity/admin/admin-settings.ts";
import { clientIp } from "../../identity/client-ip.ts";
import { LOGIN_TIER } from "../../policy/built-in-tiers.ts";
import { builtInDenial, decideBuiltIn } from "../work-limit.ts";

/** How long a correct token is accepted from its address without another call. */
const SEEN_MS = 600_000;

export type TokenAttempt =
  | { readonly ok: true; readonly token: AdminToken }
  | { readonly ok: false; readonly response: Response };

/** The token of this secret; or 401, 429, or 503 if no policy is known, so that attempts cannot be limited. */
export async function attemptToken(c: Context<AppEnv>, secret: string): Promise<TokenAttempt> {
  const { admin, services, requestId } = c.var;
  const { tokens, seen } = admin;
  const nowMs = Date.now();
  const address = clientIp(c.req.header("CF-Connecting-IP") ?? null);
  const token = await tokens.find(secret);
  if (token && seen.get(`${token.name} ${address}`, nowMs)) return { ok: true, token };

  const policy = await services.policies.current(nowMs, (work) => c.executionCtx.waitUntil(work));
  if (!policy) {
    return rejected(unavailable("Admin tokens cannot be checked now.", requestId));
  }
  const charge = { costMilli: null, peek: token !== null };
  const decision = await decideBuiltIn(c, `login:${address}`, LOGIN_TIER, policy, charge);
  if (token && decision.allowed) {
    seen.set(`${token.name} ${address}`, true, nowMs + SEEN_MS);
    return { ok: true, token };
  }
  const { allowed } = decision;
  services.log("warn", "admin_unauthenticated", {
    requestId,
    address,
    reason: allowed ? "wrong token" : "too many attempts",
  });
  if (!allowed) {
    const reason = "Too many wrong admin tokens from this address.";
    return rejected(builtInDenial(c, decision, policy, reason));
  }
  const response = unauthorized("This is not an admin token.", requestId);
  setRateLimitHeaders(response.headers, decision, policy.xRateLimit, Date.now());
  return rejected(response);
}

function rejected(response: Response): TokenAttempt {
  return { ok: false, response };
}
