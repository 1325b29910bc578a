/** Purges of cached responses: they raise generations, which travel with the policy's pointer. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { unavailable } from "../../edge/problem.ts";
import { type PurgeInfo, registryOf } from "../../objects/policy-registry.ts";
import { MAX_PURGED_ROUTES } from "../../policy/cache-generations.ts";
import type { Policy } from "../../policy/compile.ts";
import { MAX_FAULTS } from "../../policy/fault.ts";
import { ask, changeBy } from "../ask.ts";
import { invalidContent, readBody } from "../body.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { reason } from "../fields.ts";
import { iso } from "../rfc3339.ts";
import { spendWork } from "../work-limit.ts";

/** An id has a match of 256 characters at most, and at most seven methods. */
const routeName = z.string().check(z.minLength(1), z.maxLength(320));

const purgeSchema = z
  .strictObject({
    routes: z.optional(z.array(routeName).check(z.minLength(1), z.maxLength(MAX_PURGED_ROUTES))),
    all: z.optional(z.literal(true)),
    reason,
  })
  .check(
    z.refine(({ routes, all }) => (routes === undefined) !== (all === undefined), {
      error: "must have either routes or all",
    }),
  );

export const PURGE = {
  purgeCache: {
    method: "POST",
    path: `${ADMIN}/cache/purge`,
    access: "operator",
    body: purgeSchema,
    handler: purgeCache,
  },
  listPurges: { method: "GET", path: `${ADMIN}/cache/purges`, access: "viewer", handler: listPurges },
} as const satisfies Endpoints;

async function purgeCache(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, purgeSchema);
  if (!body.ok) return body.response;
  const rejection = await spendWork(c, "change", 1);
  if (rejection) return rejection;
  const { routes: names = null } = body.value;
  const { services, requestId } = c.var;
  const change = await changeBy(c, body.value);
  const registry = registryOf(c.env.POLICY_REGISTRY);
  const policyInForce = async (): Promise<Policy | null> => {
    const [newest] = await registry.revisions(Number.MAX_SAFE_INTEGER, 1);
    return services.policies.atLeast(newest?.revision ?? 0);
  };
  return ask(c, "policy registry", policyInForce(), (policy) => {
    if (policy === null) return unavailable("The policy in force cannot be loaded.", requestId);
    const ids = names?.map((name) => policy.routes.byName(name)?.id ?? null) ?? null;
    const faults = (names ?? []).flatMap((name, i) =>
      ids?.[i] === null
        ? [
            {
              path: `/routes/${i}`,
              message: `unknown route "${name}": send the id of one of the policy's routes`,
            },
          ]
        : [],
    );
    if (faults.length > 0) return invalidContent(requestId, faults.slice(0, MAX_FAULTS)).response;
    const routes = ids === null ? null : [...new Set(ids)].filter((id) => id !== null);
    return ask(c, "policy registry", registry.purge(routes, change), ({ generation, purged, published }) => {
      services.policies.adoptPurged(purged);
      services.log("info", "cache_purged", {
        requestId,
        actor: change.actor,
        reason: change.reason,
        routes: routes?.join(", ") ?? "all",
        generation,
      });
      return c.json({ generation, published });
    });
  });
}

async function listPurges(c: Context<AppEnv>): Promise<Response> {
  const listed: Promise<PurgeInfo[]> = registryOf(c.env.POLICY_REGISTRY).purges();
  return ask(c, "policy registry", listed, (purges) =>
    c.json({
      purges: purges.map(({ createdMs, unnamed, ...info }) => ({
        ...info,
        moreRoutes: unnamed,
        createdAt: iso(createdMs),
      })),
    }),
  );
}
