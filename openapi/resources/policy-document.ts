/** What the fields of a policy document mean. Its schema is src/policy/schema.ts. */
import { policySchema } from "../../src/policy/schema.ts";
import { describeFields, named } from "../annotations.ts";

named(
  "Policy",
  "Everything that decisions depend on. Also rejected: duplicate names, unreachable routes, reserved paths, unknown tiers, and limits that cannot hold a route's cost or be counted exactly.",
  policySchema,
);
describeFields(policySchema, {
  schema: "The version of this format.",
  tiers: "Tiers by name: at most 64.",
  routes: "In order: the first match applies. A request that matches none is 404.",
  anonymousTier: "The tier of callers without a credential, limited by address.",
  defaultTier: "The tier of users whose account or token names none.",
  headers: "Response headers.",
  cors: "Which origins may call from a browser. Default: none other than the Worker's own.",
});

const tierSchema = named(
  "Tier",
  "The limits of a tier's users.",
  policySchema.shape.tiers.def.out.def.valueType,
);
describeFields(tierSchema, {
  limits: "A request must be allowed by all of them. Empty: unlimited.",
  mode: "`auto` (default): while the user is active and below the limit, the edge spends amounts that the user's object lends it. `strict`: the object decides every request. `leased`: the older name of `auto`.",
  durability: "`reserved`: one write covers several decisions. `exact`: every charged decision is written.",
  onLimiterFailure:
    "While the limiter is down: limit in the isolate's memory, allow everything, or reject with 503.",
  price: "For reports.",
  overage: "The price beyond a quota. For reports.",
});

named(
  "PolicyLimit",
  "A token bucket, a calendar quota or a limit of concurrent requests. Token counts are multiples of 0.001.",
  tierSchema.shape.limits.def.element,
);

const routeSchema = named(
  "Route",
  "Requests that are limited and forwarded together.",
  policySchema.shape.routes.def.element,
);
describeFields(routeSchema, {
  match: "A path of literals and `:params`; `*` at the end only.",
  methods: "Default: all.",
  cost: "Tokens per request, in steps of 0.001. Default: 1. 0 exempts the route.",
  limits: "Limits of this route alone, decided together with the tier's.",
  auth: "`required`: a request without a credential is 401.",
  upstream: "An http(s) URL or `service:BINDING`. Default: the variable UPSTREAM.",
  timeoutMs:
    "Deadline of the upstream's response headers, from the end of the request's body. Default: 30 s.",
  forwardKey: "Forward the API key to the upstream.",
  exactPath:
    "Do not apply the route to other spellings of its paths: another case, a trailing slash, path parameters such as `;a=1`, or spaces and dots at the end of a segment. Without it, the route also applies to another spelling if it is at least as strict as the route that matches that spelling.",
  forwardOverrides: "Forward headers that override the method or the path, such as `X-HTTP-Method-Override`.",
});
