/** Asks an ejected target whether it works again. No request of a user does. */
import { HOPS_HEADER } from "../../header-names.ts";
import type { Upstream } from "../proxy.ts";
import type { PoolSettings } from "./pool-settings.ts";

const USER_AGENT = "edge-limiter-probe";

/**
 * Whether it answers in time: with a status of 200 to 399 if the pool has a path for probes, else with any but a server error. Never rejects.
 * @param origin the scheme and host under which the gateway is called: a service gets it in the URL.
 */
export async function probe(
  upstream: Upstream,
  { probePath, probeTimeoutMs }: PoolSettings,
  origin: string,
): Promise<boolean> {
  const init = {
    // One more than nothing: a probe that comes back here ends like any other loop.
    headers: { "User-Agent": USER_AGENT, [HOPS_HEADER]: "1" },
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(probeTimeoutMs),
  } as const;
  const path = probePath ?? "/";
  try {
    const { status, body } = await (upstream.kind === "service"
      ? upstream.fetcher.fetch(`${origin}${path}`, init)
      : fetch(`${upstream.base.origin}${upstream.base.pathname.replace(/\/$/, "")}${path}`, init));
    await body?.cancel();
    return status >= 200 && status < (probePath === null ? 500 : 400);
  } catch {
    return false;
  }
}
