/**
 * Changes the path, headers and query of a request before it is forwarded, and the headers of its response, as its route says
 * (docs/transformation.md). Bodies are never changed. A module of its own, which isolates load with their first request of such a route
 * (src/transform-module.ts).
 *
 * A secret is read when it is needed, and stands in nothing but the header that names it: in no log, problem or response.
 */
import { placeOf } from "../../analytics/place.ts";
import { problem } from "../../edge/problem.ts";
import { paramOf, secretBindingOf, secretOf, variablesOf } from "../../policy/template.ts";
import type { RouteTransform } from "../../policy/transform-schema.ts";
import { type Admitted, failed } from "../exchange.ts";
import { isUpstreamPreflight } from "../preflight.ts";
import { misspelt } from "../turned-away.ts";
import {
  changeHeaders,
  dropNames,
  dropSpellings,
  type HeaderChanges,
  headerChanges,
  type ValueOf,
} from "./header-changes.ts";
import { changeQuery, type QueryChanges, queryChanges } from "./query-changes.ts";
import { pathWith, type RouteParams, routeParams } from "./route-params.ts";

/** A request as its route changes it. */
export interface Transformed {
  /** Canonical. */
  readonly path: string;
  /** Changes the query. Takes it with its question mark, or "", and returns the same. */
  readonly changeSearch: (search: string) => string;
  /** Changes the headers that the upstream gets. May be applied to each of several tries. */
  readonly changeRequest: (headers: Headers) => void;
  /** Changes the headers of the upstream's response. */
  readonly changeResponse: (headers: Headers) => void;
}

/** A route's transformation, prepared for all of its requests. */
interface Plan {
  readonly path: string | undefined;
  readonly query: QueryChanges | null;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
  /** Whether it needs the parameters of the path. */
  readonly usesParams: boolean;
  /** Bindings of the secrets that it needs. */
  readonly secrets: readonly string[];
}

const PLANS = new WeakMap<RouteTransform, Plan>();

/** Returns a problem instead if the request cannot be forwarded. @param tier as the upstream is told. */
export function transformed(
  admitted: Admitted,
  transform: RouteTransform,
  tier: string,
): Transformed | Response {
  const { exchange, path, route } = admitted;
  const { requestId, request, services } = exchange;
  const plan = planOf(transform);
  const params = plan.usesParams ? routeParams(route.match, path) : null;
  const target = pathOf(plan, path, params);
  if (target === null || (plan.usesParams && params === null)) return misspelt(requestId);
  const isPreflight = exchange.policy.cors === null && isUpstreamPreflight(request);
  const secrets = isPreflight ? new Map<string, string>() : secretsOf(plan, exchange.env);
  if (secrets instanceof MissingSecret) {
    services.log("error", "upstream_secret_missing", {
      requestId,
      route: route.id,
      binding: secrets.binding,
    });
    failed(exchange, "upstream_error");
    return problem(
      "upstream_error",
      "The upstream of this route needs a credential that is not configured.",
      requestId,
    );
  }
  const open = variables(admitted, tier, params);
  return {
    path: target,
    changeSearch: (search) => (plan.query === null ? search : changeQuery(search, plan.query, open)),
    changeRequest(headers) {
      const valueOf: ValueOf = (name) => {
        const binding = secretBindingOf(name);
        return binding === null ? open(name) : (secrets.get(binding) ?? null);
      };
      changeHeaders(headers, plan.request, valueOf, dropSpellings);
    },
    changeResponse(headers) {
      changeHeaders(headers, plan.response, open, dropNames);
    },
  };
}

function planOf(transform: RouteTransform): Plan {
  const known = PLANS.get(transform);
  if (known) return known;
  const { path, headers, query } = transform.request ?? {};
  const request = headerChanges(headers);
  const response = headerChanges(transform.response?.headers);
  const changes = query ? queryChanges(query) : null;
  const ofRequest = [...request.set, ...request.add].flatMap(([, template]) => variablesOf(template));
  const others = [...response.set, ...response.add, ...(changes?.set ?? []), ...(changes?.add ?? [])];
  const all = [...ofRequest, ...others.flatMap(([, template]) => variablesOf(template))];
  const plan: Plan = {
    path,
    query: changes,
    request,
    response,
    usesParams: (path !== undefined && /\/[:*]/.test(path)) || all.some((name) => paramOf(name) !== null),
    secrets: [...new Set(ofRequest.flatMap((name) => secretBindingOf(name) ?? []))],
  };
  PLANS.set(transform, plan);
  return plan;
}

const NO_PARAMS: RouteParams = { byName: new Map(), rest: "" };

function pathOf({ path: template }: Plan, path: string, params: RouteParams | null): string | null {
  return template === undefined ? path : pathWith(template, params ?? NO_PARAMS);
}

class MissingSecret {
  readonly binding: string;

  constructor(binding: string) {
    this.binding = binding;
  }
}

function secretsOf({ secrets }: Plan, bindings: object): ReadonlyMap<string, string> | MissingSecret {
  const found = new Map<string, string>();
  for (const binding of secrets) {
    const secret = secretOf(bindings, binding);
    if (secret === null) return new MissingSecret(binding);
    found.set(binding, secret);
  }
  return found;
}

/** All variables but secrets. */
function variables({ exchange, caller }: Admitted, tier: string, params: RouteParams | null): ValueOf {
  const { request, requestId } = exchange;
  return (name) => {
    switch (name) {
      case "user":
        return caller.user;
      case "tier":
        return tier;
      case "key":
        return caller.keyId;
      case "requestId":
        return requestId;
      case "country":
        return placeOf(request).country || null;
      default:
        return params?.byName.get(paramOf(name) ?? "") ?? null;
    }
  };
}
