/** Checks of a document before it becomes a revision. Pure. */
import { STANDING_REASONS } from "../../analytics/outcome.ts";
import { billingFaults } from "../../policy/billing-faults.ts";
import { cacheFaults } from "../../policy/cache-faults.ts";
import { compileDocument, type Policy } from "../../policy/compile.ts";
import type { ScopedLimit } from "../../policy/compiled.ts";
import { eventFaults } from "../../policy/event-faults.ts";
import { type Fault, MAX_FAULTS, parseBy, type Parsed, pointer } from "../../policy/fault.ts";
import { policySchema } from "../../policy/schema.ts";
import { hasService } from "../../edge/service-bindings.ts";
import { originOf } from "../../edge/url-parts.ts";
import { originFault } from "../../policy/origins.ts";
import { poolFaults, poolWarnings } from "../../policy/pool-faults.ts";
import { ruleFaults } from "../../policy/rule-faults.ts";
import { transformFaults } from "../../policy/transform-faults.ts";
import { upstreamFault, upstreamWarning } from "../../policy/upstream-address.ts";
import { textFaults } from "../plain-text.ts";

/** Compiles a new document. It is checked more strictly than stored ones, which must compile forever. `bindings`: the Worker's. */
export function compileNew(document: unknown, bindings: object): Parsed<Policy> {
  const parsed = parseBy(policySchema, document);
  if (!parsed.ok) return parsed;
  const compiled = compileDocument(parsed.value, 0);
  if (!compiled.ok) return compiled;
  const { value } = compiled;
  const faults = [
    ...textFaults(document).slice(0, MAX_FAULTS),
    ...nameFaults(value).slice(0, MAX_FAULTS),
    ...billingFaults(parsed.value, value).slice(0, MAX_FAULTS),
    ...eventFaults(parsed.value),
    ...ruleFaults(parsed.value, value),
    ...cacheFaults(parsed.value).slice(0, MAX_FAULTS),
    ...transformFaults(parsed.value),
    ...upstreamFaults(value, bindings).slice(0, MAX_FAULTS),
    ...originFaults(value),
  ];
  // One fault per place: a text with an odd character needs no second reason.
  const first = faults.filter(({ path }, i) => faults.findIndex((fault) => fault.path === path) === i);
  return first.length > 0 ? { ok: false, faults: first.slice(0, MAX_FAULTS) } : compiled;
}

/** Upstreams that may answer but are doubtful: private addresses, and the host of this Worker (of the request's `url`). */
export function upstreamWarnings(policy: Policy, url: string): Fault[] {
  const { host } = originOf(url);
  return [
    ...ofUpstreams(policy, (upstream) => upstreamWarning(upstream, host)),
    ...poolWarnings(policy, host),
  ].slice(0, MAX_FAULTS);
}

function upstreamFaults(policy: Policy, bindings: object): Fault[] {
  const isService = (name: string): boolean => hasService(bindings, name);
  return [
    ...ofUpstreams(policy, (upstream) => upstreamFault(upstream, isService)),
    ...poolFaults(policy, isService),
  ];
}

/** Of each route's own upstream for which `check` finds a fault. */
function ofUpstreams({ routes }: Policy, check: (upstream: string) => string | null): Fault[] {
  return routes.all.flatMap(({ upstream, pool }, i): Fault[] => {
    const message = upstream === null || pool !== null ? null : check(upstream);
    return message === null ? [] : [{ path: pointer(["routes", i, "upstream"]), message }];
  });
}

function originFaults({ cors }: Policy): Fault[] {
  return (cors?.origins ?? []).flatMap((origin, i): Fault[] => {
    const message = originFault(origin);
    return message === null ? [] : [{ path: pointer(["cors", "origins", i]), message }];
  });
}

/** Limits with the name of a reason other than a limit: reports would count their denials as turned away. */
function nameFaults({ tiers, routes }: Policy): Fault[] {
  const faultsIn = (path: readonly PropertyKey[], limits: readonly ScopedLimit[]) =>
    limits.flatMap(({ limit: { name } }, i) =>
      STANDING_REASONS.some((reason) => reason === name)
        ? [
            {
              path: pointer([...path, "limits", i, "name"]),
              message: "is reserved: reports use it for rejections that are not by a limit",
            },
          ]
        : [],
    );
  return [
    ...[...tiers].flatMap(([name, { limits }]) => faultsIn(["tiers", name], limits)),
    ...routes.all.flatMap(({ limits }, i) => faultsIn(["routes", i], limits)),
  ];
}
