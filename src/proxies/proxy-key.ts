/**
 * Admits proxies: by an API key with the scope `check` in `X-Edge-Limiter-Key`. All other headers of such a request are those of the proxy's
 * client, and count only once the key has been found to be good.
 *
 * The key's account confirms the key at most once a second for each isolate, so that a proxy's questions do not cost a call more each. A
 * revoked key therefore ends within about a second after the revocation has been acknowledged.
 */
import { createMiddleware } from "hono/factory";
import { BoundedCache } from "../bounded-cache.ts";
import type { AppEnv } from "../edge/app-env.ts";
import { overloaded } from "../edge/decision-response.ts";
import { problem } from "../edge/problem.ts";
import { identify } from "../edge/shields.ts";
import { credentialProblem } from "../edge/steps.ts";
import type { WaitUntil } from "../wait-until.ts";

export const PROXY_KEY_HEADER = "X-Edge-Limiter-Key";

/** How long an isolate takes a key for good without asking again. */
const CONFIRMED_MS = 1_000;
/** A proxy without a good key asks as often as one with: a line for each question would cost more than the answer. */
const LOG_MS = 1_000;
/** More proxies than any deployment has. */
const MAX_PROXIES = 1_000;

/** A middleware with a memory of its own. Its problems are never those of the proxy's client: they are 403 and name the proxy's key. */
export function proxyKey(api: "authorize" | "envoy") {
  const confirmed = new BoundedCache<true>(MAX_PROXIES);
  let loggedMs = 0;
  let omitted = 0;
  return createMiddleware<AppEnv>(async (c, next) => {
    const { services, requestId } = c.var;
    const { headers } = c.req.raw;
    const nowMs = Date.now();
    const reject = (detail: string): Response => {
      services.metrics.add("proxyCalls", [api, "bad_key"]);
      if (nowMs - loggedMs < LOG_MS) {
        omitted += 1;
      } else {
        const address = headers.get("CF-Connecting-IP") ?? undefined;
        services.log("warn", "proxy_key_rejected", { requestId, address, error: detail, omitted });
        loggedMs = nowMs;
        omitted = 0;
      }
      return problem("invalid_proxy_key", detail, requestId);
    };
    const key = headers.get(PROXY_KEY_HEADER);
    if (key === null) return reject(`Proxies need an API key with the scope "check" in ${PROXY_KEY_HEADER}.`);
    const waitUntil: WaitUntil = (work) => c.executionCtx.waitUntil(work);
    const address = headers.get("CF-Connecting-IP");
    const own = new Headers({
      "X-API-Key": key,
      ...(address === null ? {} : { "CF-Connecting-IP": address }),
    });
    const found = await identify(own, services, nowMs, waitUntil);
    if (found.kind === "invalid") return reject(`The proxy's key in ${PROXY_KEY_HEADER} is not valid.`);
    if (found.kind !== "caller") return credentialProblem(found, services, requestId);
    const { caller } = found;
    if (caller.keyId === null || !caller.scopes.includes("check")) {
      return reject(`The proxy's key in ${PROXY_KEY_HEADER} lacks the scope "check".`);
    }
    const name = `${caller.subject}\n${caller.keyId}`;
    if (!confirmed.get(name, nowMs)) {
      const { accounts } = services.limiter;
      const standing = await accounts.keyStanding(caller.subject, caller.keyId, nowMs, waitUntil);
      if (standing === "overloaded") return overloaded(requestId);
      if (standing === "revoked") return reject("The proxy's key has been revoked or has expired.");
      if (standing === "blocked") return reject("The account of the proxy's key is blocked.");
      confirmed.set(name, true, nowMs + CONFIRMED_MS);
    }
    c.set("caller", caller);
    return next();
  });
}
