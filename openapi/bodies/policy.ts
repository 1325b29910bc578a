/** What the policy endpoints answer, and the policy document itself with what its fields mean. */
import * as z from "zod/mini";
import { policySchema } from "../../src/policy/schema.ts";
import { problemSchema } from "../problems.ts";
import { about, describe, named } from "../said.ts";
import { count, moment, nextCursor, words } from "./scalars.ts";

named(
  "Policy",
  "Everything the limiter goes by. Also refused: duplicate names, unreachable routes, reserved paths, tiers that do not exist, limits that cannot hold a route's cost or be counted exactly.",
  policySchema,
);
describe(policySchema, {
  schema: "The version of this format.",
  tiers: "Tiers by name: 64 at most.",
  routes: "In order: the first that matches a request is taken. What matches none is 404.",
  anonymousTier: "The tier of callers without a credential, limited by address.",
  defaultTier: "The tier of users whose account or token names none.",
  headers: "Response headers.",
  cors: "Who may call from a browser; nobody from another origin where it is left out.",
});

const tierSchema = named(
  "Tier",
  "What users of a tier may do.",
  policySchema.shape.tiers.def.out.def.valueType,
);
describe(tierSchema, {
  limits: "All must allow a request; none: no limit.",
  mode: "`strict`: the user's object decides every request. `leased`: the edge may spend from a lease.",
  durability: "`reserved`: one write covers several decisions. `exact`: every charged decision is written.",
  onLimiterFailure:
    "While the limiter is down: limit in the isolate's memory, let all pass, or refuse with 503.",
  price: "For reports.",
  overage: "The price of what lies beyond a quota. For reports.",
});

named(
  "PolicyLimit",
  "A token bucket, a calendar quota or a limit of requests under way. Numbers of tokens are in steps of 0.001.",
  tierSchema.shape.limits.def.element,
);

const routeSchema = named(
  "Route",
  "Requests that are limited and forwarded together.",
  policySchema.shape.routes.def.element,
);
describe(routeSchema, {
  match: "A path of literals and `:params`, with `*` at the end only.",
  methods: "All where left out.",
  cost: "Tokens a request costs, in steps of 0.001: 1 where left out, 0 exempts the route.",
  limits: "Limits of this route alone, decided together with the tier's.",
  auth: "`required`: without a credential it is 401.",
  upstream: "An http(s) URL or `service:BINDING`; the variable UPSTREAM where left out.",
  timeoutMs:
    "Deadline of the upstream's response headers, from the end of the request's body. Default: 30 s.",
  forwardKey: "Pass the API key on to the upstream.",
  forwardOverrides:
    "Pass headers that override the method or the path to the upstream, such as `X-HTTP-Method-Override`.",
});

const faults = problemSchema.shape.errors.def.innerType;

const warnings = () =>
  about(
    "What accounts use that would no longer have an effect, with their number and a few ids (PUT rejects it without `force`), and what could not be checked.",
    z.array(faults.def.element),
  );

const info = {
  revision: count("Numbered from 1; 0 is the policy that ships with the Worker."),
  createdAt: moment("When it was put into force."),
  actor: words("Who did it."),
  reason: words("Why."),
  restores: about("The earlier revision that it brought back.", z.nullable(z.int())),
};

export const revisionInfoSchema = named(
  "RevisionInfo",
  "A revision without its document.",
  z.strictObject(info),
);

export const revisionSchema = named(
  "Revision",
  "A revision of the policy. It never changes.",
  z.strictObject({ ...info, document: policySchema }),
);

export const newRevisionSchema = named(
  "NewRevision",
  "The revision that is in force from now on.",
  z.strictObject({
    ...info,
    published: about("Whether all locations can read it already; if not, it is on its way.", z.boolean()),
    warnings: warnings(),
  }),
);

export const revisionsSchema = z.strictObject({
  revisions: z.array(revisionInfoSchema),
  cursor: nextCursor(),
});

export const verdictSchema = named(
  "PolicyVerdict",
  "Whether a document could be put into force, and if not, its faults.",
  z.strictObject({ valid: z.boolean(), errors: faults, warnings: warnings() }),
);
