/**
 * Where objects run and store data: `JURISDICTION`. The one place that gives the namespaces of the objects a jurisdiction, for the edge and
 * for the objects, which call each other. An object of one jurisdiction is another than that of the same name elsewhere: so a deployment
 * decides once, before its first start.
 *
 * https://developers.cloudflare.com/durable-objects/reference/data-location/
 */
export const JURISDICTIONS = ["eu", "us"] as const satisfies readonly DurableObjectJurisdiction[];
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** The last environment, and the same with its objects in their jurisdiction: an isolate has one. */
let known: { readonly env: Env; readonly placed: Env } | null = null;

/**
 * The environment with all objects in its jurisdiction; the same one if it names none. Never use another one to get an object.
 * @throws if the runtime has no such jurisdiction; workerd on this machine has none. An object must not be created elsewhere instead.
 */
export function placed(env: Env): Env {
  const { JURISDICTION: place } = env;
  if (!place) return env;
  if (known?.env !== env) known = { env, placed: placedIn(env, place) };
  return known.placed;
}

function placedIn(env: Env, place: Jurisdiction): Env {
  return {
    ...env,
    USER_LIMITER: env.USER_LIMITER.jurisdiction(place),
    POLICY_REGISTRY: env.POLICY_REGISTRY.jurisdiction(place),
    ACCOUNT_DIRECTORY: env.ACCOUNT_DIRECTORY.jurisdiction(place),
    METRICS_HUB: env.METRICS_HUB.jurisdiction(place),
    BILLING_REGISTER: env.BILLING_REGISTER.jurisdiction(place),
    WEBHOOK_DESK: env.WEBHOOK_DESK.jurisdiction(place),
  };
}
