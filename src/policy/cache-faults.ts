/**
 * What is wrong with the `cache` of a new document's routes, each with its path and what to do. Stored documents are not checked by it:
 * they compile forever, so a check may become stricter here.
 *
 * Pure: no I/O and no clock.
 */
import type { CacheDocument } from "./cache-schema.ts";
import { type Fault, pointer } from "./fault.ts";
import type { PolicyDocument, RouteDocument } from "./schema.ts";
import { parseTemplate, variablesOf } from "./template.ts";

/** Why a header cannot be in `vary.headers`, by its name in lower case. */
const UNSUITABLE: readonly (readonly [RegExp, string])[] = [
  [/^cookie$/, 'would store a response for each session: use "share": "user", or do not cache the route'],
  [
    /^(authorization|x-api-key)$/,
    'is a credential, which a cached route never sends: use "share": "user", or do not cache the route',
  ],
  [/^x-user-(id|tier)$/, 'is set by the gateway: use "share": "user" or "tier"'],
  [/^(accept-encoding|host|edge-limiter-hops)$/, "is always part of the key: leave it out"],
  [
    /^(if-.*|range|cache-control|pragma)$/,
    "is answered by the cache itself and never reaches the upstream: leave it out",
  ],
  [
    /^(x-forwarded.*|x-original-forwarded-for|forwarded.*|x-real-ip|x-(cluster-)?client-ip|(true-|fastly-)?client-ip|x-host|(x-)?remote-user|wl-proxy-client-ip|cf-.*)$/,
    "is a claim that only a proxy may make: leave it out",
  ],
  [
    /^(x-http-method(-override)?|x-method-override|x-original-url|x-rewrite-url)$/,
    "would make some servers answer for another method or path than the key's: leave it out",
  ],
  [
    /^(connection|keep-alive|proxy.*|te|trailer|transfer-encoding|upgrade|expect|content-.*|sec-websocket-.*|x-request-id|traceparent|tracestate)$/,
    "concerns one request or its connection: leave it out",
  ],
];

/** Headers with which the cache itself asks the upstream. */
const OF_CACHE = /^(if-.*|range)$/i;
const BY_CACHE = "is set by the cache when it revalidates a response: leave it out";

/** Why a status is never stored. */
const UNSTORED: Readonly<Record<number, string>> = {
  206: "is a part of a response: the cache sends parts of whole ones by itself",
  304: "has no body to store",
  401: "is about one caller's credential",
  407: "is about one caller's credential",
  429: "is about one caller's limits",
};

export function cacheFaults({ routes }: PolicyDocument): Fault[] {
  return routes.flatMap((route, i) => (route.cache ? routeFaults(route, route.cache, ["routes", i]) : []));
}

function routeFaults(
  { methods, forwardKey, forwardOverrides, usage, request }: RouteDocument,
  { vary = {}, statuses = [], share = "user" }: CacheDocument,
  route: readonly PropertyKey[],
): Fault[] {
  const faults: Fault[] = [];
  const add = (path: readonly PropertyKey[], message: string): void => {
    faults.push({ path: pointer([...route, ...path]), message });
  };
  if (forwardKey === true) {
    add(["forwardKey"], "cannot be used with cache: a response could depend on the key of one caller");
  }
  if (forwardOverrides === true) {
    add(["forwardOverrides"], "cannot be used with cache: it stores what GET returns under that path");
  }
  if (usage) {
    add(["usage"], "cannot be used with cache: a stored response reports what another request has used");
  }
  if (methods && !methods.includes("GET")) {
    add(["cache"], "has no effect without GET among the route's methods");
  }
  for (const part of ["headers", "query"] as const) {
    for (const operation of ["set", "add"] as const) {
      for (const [name, value] of Object.entries(request?.[part]?.[operation] ?? {})) {
        const place = ["request", part, operation, name];
        const message = variablesOf(parseTemplate(value)).flatMap((variable) =>
          variableFault(variable, share),
        )[0];
        if (message !== undefined) add(place, message);
        else if (part === "headers" && OF_CACHE.test(name)) add(place, BY_CACHE);
      }
    }
  }
  for (const [name, renamed] of Object.entries(request?.headers?.rename ?? {})) {
    if (OF_CACHE.test(renamed)) add(["request", "headers", "rename", name], BY_CACHE);
  }
  const headers = (vary.headers ?? []).map((name) => name.toLowerCase());
  headers.forEach((name, i) => {
    const place = ["cache", "vary", "headers", i];
    const message = UNSUITABLE.find(([names]) => names.test(name))?.[1];
    if (message !== undefined) add(place, message);
    else if (headers.indexOf(name) < i) add(place, "is listed twice");
  });
  (vary.query ?? []).forEach((name, i, names) => {
    if (names.indexOf(name) < i) add(["cache", "vary", "query", i], "is listed twice");
  });
  statuses.forEach((status, i) => {
    const place = ["cache", "statuses", i];
    const message = UNSTORED[status];
    if (message !== undefined) add(place, message);
    else if (statuses.indexOf(status) < i) add(place, "is listed twice");
  });
  return faults;
}

/** Why what is sent upstream cannot contain a variable: it is not in the key of the response. None: it can. */
function variableFault(variable: string, share: NonNullable<CacheDocument["share"]>): string[] {
  const name = `\${${variable}}`;
  const isWider = (by: string): string =>
    `has ${name}, but the cache shares the response with others: set "share" to ${by}`;
  switch (variable) {
    case "user":
      return share === "user" ? [] : [isWider('"user"')];
    case "tier":
      return share === "all" ? [isWider('"tier" or "user"')] : [];
    case "key":
    case "requestId":
    case "country":
      return [`has ${name}, which is not in the key of the cached response: leave it out`];
    default:
      return [];
  }
}
