/** The endpoints for proxies. An isolate loads them when it first receives a request for one of `PROXY_PATHS`. See contract.ts. */
import { AUTHORIZE, type Endpoint, ENVOY, type ProxyAccess } from "../api/endpoint.ts";
import { authorize } from "./authorize.ts";
import { rateLimitRequestSchema } from "./envoy/rate-limit-request.ts";
import { shouldRateLimit } from "./envoy/should-rate-limit.ts";

export const PROXY_CONTRACT = {
  authorize: { method: "GET", isTree: true, path: AUTHORIZE, access: "proxy", handler: authorize },
  shouldRateLimit: {
    method: "POST",
    // As gRPC names a method.
    path: `${ENVOY}/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit`,
    access: "proxy",
    body: rateLimitRequestSchema,
    handler: shouldRateLimit,
  },
} as const satisfies Readonly<Record<string, Endpoint<ProxyAccess>>>;
