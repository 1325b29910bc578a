/**
 * Limits the expensive work of one administrator (compiling policies, simulations, reports), and the portal's calls of one account. Without
 * it, a viewer's token could keep an isolate or the hub busy for everyone. The limiter itself counts: by the actor's name, so that a token and
 * its sessions share one count, or by the account.
 *
 * The numbers (WORK_TIERS) are far above what a person with a dashboard or the portal needs, and far below what slows others down.
 */
import type { Context } from "hono";
import type { Decision } from "../core/decision.ts";
import { MILLI } from "../core/units.ts";
import type { AppEnv } from "../edge/app-env.ts";
import { overloaded } from "../edge/decision-response.ts";
import { problem, secondsOf } from "../edge/problem.ts";
import { setRateLimitHeaders } from "../edge/rate-limit-headers.ts";
import type { Policy } from "../policy/compile.ts";
import { WORK_TIERS } from "../policy/built-in-tiers.ts";
import type { Tier } from "../policy/compiled.ts";

/** Decides by a built-in tier. If the limiter does not answer, the tier's failure policy decides. */
export async function decideBuiltIn(
  c: Context<AppEnv>,
  subject: string,
  tier: Tier,
  policy: Policy,
  charge: { readonly costMilli: number | null; readonly peek: boolean },
): Promise<Decision> {
  const request = {
    revision: policy.revision,
    tier: tier.name,
    route: null,
    keyId: null,
    idempotencyKey: null,
    ...charge,
  };
  return c.var.services.limiter.decide(subject, request, policy, Date.now(), (work) =>
    c.executionCtx.waitUntil(work),
  );
}

/** The cost of a policy of this length: parsing and compiling take time in proportion. */
export function tokensOf(characters: number): number {
  return Math.ceil(characters / 16_384);
}

/**
 * The response to a call that a built-in tier denied: `quota_exceeded`, or `overloaded` if the subject's object is overloaded.
 * @param reason a sentence for the problem's detail; not used if overloaded.
 */
export function builtInDenial(
  c: Context<AppEnv>,
  decision: Decision,
  policy: Policy,
  reason: string,
): Response {
  const { requestId } = c.var;
  const { outcome, violated, retryAfterMs } = decision;
  if (outcome === "overloaded") return overloaded(requestId);
  const advice = retryAfterMs === null ? "" : ` Retry after ${secondsOf(retryAfterMs)} s.`;
  const extras = { "violated-policies": violated, retryAfterMs };
  const response = problem("quota_exceeded", `${reason}${advice}`, requestId, extras);
  setRateLimitHeaders(response.headers, decision, policy.xRateLimit, Date.now());
  return response;
}

/**
 * Charges work to the actor. Null, or the response (429) if the limit is reached.
 * @param name whom to charge; default: the administrator. @param who the same as the subject of a sentence.
 */
export async function spendWork(
  c: Context<AppEnv>,
  kind: keyof typeof WORK_TIERS,
  tokens: number,
  name = c.var.author,
  who = "This administrator",
): Promise<Response | null> {
  const { policy, requestId, services } = c.var;
  const tier = WORK_TIERS[kind];
  const subject = `admin:${kind}:${name}`;
  const charge = { costMilli: tokens * MILLI, peek: false };
  const decision = await decideBuiltIn(c, subject, tier, policy, charge);
  if (decision.allowed) return null;
  services.log("warn", "admin_limited", {
    requestId,
    actor: name,
    violated: decision.violated.join(","),
  });
  return builtInDenial(c, decision, policy, `${who} has sent too many requests.`);
}
