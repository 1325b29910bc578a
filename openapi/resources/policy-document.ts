/** What the fields of a policy document mean. Its schema is src/policy/schema.ts. */
import { billing, overage, plan, price } from "../../src/policy/billing-schema.ts";
import {
  pool,
  poolDiscovery,
  poolEjection,
  poolProbe,
  poolRetry,
  poolTarget,
} from "../../src/policy/pool-schema.ts";
import { cache } from "../../src/policy/cache-schema.ts";
import { rule, ruleMembers } from "../../src/policy/rule-schema.ts";
import { policySchema } from "../../src/policy/schema.ts";
import { requestTransform, responseTransform } from "../../src/policy/transform-schema.ts";
import { usage } from "../../src/policy/usage-schema.ts";
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
  upstreams:
    "Pools of upstreams by name, at most 32. Routes name them as `pool:NAME`. `docs/pools.md` explains them.",
  anonymousTier: "The tier of callers without a credential, limited by address.",
  defaultTier: "The tier of users whose account or token names none.",
  enforcement:
    "`shadow`: an emergency switch, by which no limit rejects: all are in shadow, except quotas with `overage`. Blocks and revoked keys still reject. Default: `on`.",
  rules:
    "In front of all limits: at most 100, with 5,000 addresses and networks in all. The first that matches a request applies. `docs/rules.md` explains them.",
  billing: "What all bills have in common. Without it, nothing is billed.",
  events:
    "The kinds of events that webhooks report, such as `invoice.paid`: `docs/webhooks.md` lists them. Default: none.",
  headers:
    "Which optional response headers to send: `X-RateLimit-*` (default: no) and `Server-Timing` (default: the variable SERVER_TIMING).",
  cors: "Which origins may call from a browser. Default: none other than the Worker's own.",
});

const tierSchema = named(
  "Tier",
  "The limits of a tier's users.",
  policySchema.shape.tiers.def.out.def.valueType,
);
describeFields(tierSchema, {
  limits:
    "A request must be allowed by all of them. Empty: unlimited. One with `shadow: true` counts and reports what it would deny, and denies nothing.",
  shadow: "Puts the tier's limits in shadow, except those that say `shadow: false`.",
  mode: "`auto` (default): while the user is active and below the limit, the edge spends amounts that the user's object lends it. `strict`: the object decides every request. `leased`: the older name of `auto`.",
  durability: "`reserved`: one write covers several decisions. `exact`: every charged decision is written.",
  onLimiterFailure:
    "While the limiter is down: limit in the isolate's memory, allow everything, or reject with 503.",
  plan: "What the tier costs. Only with `billing`.",
  price: "Informational.",
  overage: "Informational. Usage beyond a quota is billed by the quota's own `overage`.",
});

named(
  "PolicyLimit",
  "A token bucket, a calendar quota or a limit of concurrent requests. Token counts are multiples of 0.001. `unit` is what a bucket or quota counts; default: requests.",
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
  cost: "What a request costs, in steps of 0.001: a number of requests, or amounts by unit. A limit whose unit it does not name is charged nothing. Default: 1. 0 exempts the route.",
  limits: "Limits of this route alone, decided together with the tier's.",
  shadow: "Puts the route's own limits in shadow, except those that say `shadow: false`.",
  auth: "`required`: a request without a credential is 401. `none`: no credential is read, the caller is its address, and the `Authorization` header is the upstream's.",
  upstream:
    "An http(s) URL, `service:BINDING`, or a pool of `upstreams` as `pool:NAME`. Default: the variable UPSTREAM.",
  timeoutMs:
    "Deadline of the upstream's response headers, from the end of the request's body, over all tries in a pool. Default: 30 s.",
  forwardKey: "Forward the API key to the upstream.",
  exactPath:
    "Do not apply the route to other spellings of its paths: another case, a trailing slash, path parameters such as `;a=1`, or spaces and dots at the end of a segment. Without it, the route also applies to another spelling if it is at least as strict as the route that matches that spelling.",
  deprecated: "A date, or a time of UTC: responses have `Deprecation` (RFC 9745). It may be in the future.",
  sunset: "When the route is expected to stop working: responses have `Sunset` (RFC 8594).",
  usage:
    "What a request costs beside `cost`, if that is known only from its response. `docs/units.md` explains it.",
  cache:
    "Responses that the edge stores and sends again. The upstream then gets nothing of a request that the response does not belong to. `docs/cache.md` explains it. Not with `forwardKey`, `forwardOverrides` and `usage`.",
  request:
    "What is changed of requests before they are forwarded: path, headers and query. `docs/transformation.md` explains it.",
  response: "What is changed of the headers of the upstream's responses.",
  forwardOverrides: "Forward headers that override the method or the path, such as `X-HTTP-Method-Override`.",
});

named(
  "RouteUsage",
  "A request is charged `reserve` before it is forwarded, and what its response reports in the end.",
  usage,
);
describeFields(usage, {
  unit: "What is counted: the unit of at least one limit.",
  reserve: "The amount to reserve. What a request costs beyond it is charged too.",
  from: "Where the response reports its cost: as the APIs of OpenAI or Anthropic do, in JSON or in a stream of events, or in the header `X-Usage-Cost`, which clients do not see.",
  onError:
    "What a request costs whose upstream does not respond, responds with 500 or above, or rejects it without reporting a cost: nothing (`refund`, the default) or what is reserved.",
  onUnknown: "What it costs if the response reports none: `reserve` (`keep`, the default) or nothing.",
  reserveFrom:
    "A member of the request's JSON body, such as `max_tokens`, of at most 64 KiB: its number is reserved if it is less than `reserve`.",
});

named(
  "Pool",
  "Upstreams that a route's requests are spread over. Each isolate finds out by itself which of them work.",
  pool,
);
describeFields(pool, {
  targets: "At most 16, each once. Either these or `discover`.",
  discover: "Where a service registry lists the targets.",
  balance:
    "`round-robin` (default): in turn, by weight. `least-requests`: the one of two drawn at random that has fewer requests in flight in this isolate. `user`: always the same one for a user.",
  retry: "Which requests are sent to another target: only those that may be repeated.",
  eject: "When a target is left out.",
  probe:
    "How an ejected target is asked whether it works again. Default: `GET /`, and any answer below 500 counts.",
});
describeFields(poolTarget, {
  url: "A base URL, or `service:BINDING`.",
  weight: "Its share, compared with the others'. Default: 1.",
});
describeFields(poolDiscovery, {
  url: "Asked every so often, with a deadline of 2 s. An empty, late or faulty answer changes nothing.",
  format:
    "`consul`: an answer of `/v1/health/service/…`. `http_sd`: the HTTP service discovery of Prometheus.",
  everySeconds: "Default: 15.",
  scheme: "Of targets without the label `__scheme__`. Default: `https`.",
});
describeFields(poolRetry, {
  attempts: "Tries after the first. Default: 1.",
  on: "Failures that are retried. Default: all but `timeout`.",
  budget:
    "Retries of an isolate in ten seconds, as a share of its requests to the pool; three a second are always allowed. Default: 0.2.",
  tryTimeoutMs:
    "Deadline of a try that another can follow, if `on` has `timeout`. Default: an equal share of the time left.",
});
describeFields(poolEjection, {
  failures: "Failures in a row after which a target gets no more requests. Default: 5.",
  forMs: "Time between probes of an ejected target. Default: 10 s.",
});
describeFields(poolProbe, {
  path: "Asked with GET. A status of 200 to 399 takes the target back.",
  timeoutMs: "Default: 2 s.",
});

named(
  "RouteCache",
  "Responses that the edge stores and sends again. Limits come first: a hit costs what the route costs.",
  cache,
);
describeFields(cache, {
  ttlSeconds: "How long a response is fresh at most, at most 30 days. What the upstream says shortens it.",
  defaultTtlSeconds:
    "How long a response is fresh that does not say it itself; 0: it is not stored. Default: `ttlSeconds`.",
  staleWhileRevalidateSeconds:
    "How long a stale response is sent while a new one is fetched in the background. Default: 0.",
  staleIfErrorSeconds: "How long a stale response is sent if the upstream fails. Default: 0.",
  share:
    "Who gets the same response: `all` callers, those of a `tier`, or one `user` (the default). The upstream learns no more of the caller than this.",
  vary: "What a response may depend on beside host, path and `Accept-Encoding`, and all else that the upstream gets: at most 16 request `headers` (default: none), and at most 64 `query` parameters (default: the whole query).",
  statuses: "The statuses to store: not 206, 304, 401, 407 and 429. Default: 200, 301 and 308.",
});

const VALUES =
  "In values, `${user}`, `${tier}`, `${key}` (its id), `${requestId}`, `${country}` and `${param.NAME}` are variables, and `$$` is a dollar sign. An entry whose variable has no value is left out.";
const CHANGES = "`remove`, `rename`, `set` and `add` apply in this order; at most 32 entries each.";

named("RequestTransform", "Changes of requests before they are forwarded.", requestTransform);
describeFields(requestTransform, {
  path: "In place of the client's path: literals, `:params` of the route's match, and `*` at the end for what its star matched.",
  headers: `${CHANGES} ${VALUES} \`\${secret.NAME}\` is the secret \`UPSTREAM_SECRET_NAME\` of the Worker. Headers that only the gateway may set cannot be changed.`,
  query: `${CHANGES} All other parameters keep their bytes. ${VALUES}`,
});

named("ResponseTransform", "Changes of the upstream's responses.", responseTransform);
describeFields(responseTransform, {
  headers: `${CHANGES} ${VALUES} Headers that only the gateway may set cannot be changed, and \`Set-Cookie\` can only be removed.`,
});

named("Rule", "Lets requests through, rejects them, or gives them another tier.", rule);
describeFields(rule, {
  name: "In metrics, logs and reports.",
  if: "All members must match; of a list, one entry. At least one member. A fact that is unknown never matches.",
  then: "`allow`: no limit applies, but a block, a revoked key and the caps of a bill do. `deny`: 403 `denied_by_rule`. A tier: of callers without an account.",
  shadow: "Do nothing, and count what the rule would have done. Default: false.",
});
describeFields(ruleMembers, {
  ip: "Addresses and networks, such as `203.0.113.0/24` or `2001:db8::/32`.",
  userAgent: "Parts of the `User-Agent` header, in any case.",
  route: "Routes by their `match` or their id.",
  asn: "Numbers of autonomous systems, as Cloudflare reports them.",
  country: "Codes of ISO 3166-1 alpha-2, as Cloudflare reports them; `T1` is Tor.",
  key: "Ids of API keys. Decided after authentication.",
  user: "User ids. Decided after authentication.",
});

named(
  "Billing",
  "What all bills have in common. Amounts of money are decimal strings in the currency's major unit, with at most 12 digits before and 12 after the point.",
  billing,
);
describeFields(billing, {
  currency: "A code of ISO 4217. It cannot change once an invoice is issued.",
  series: "The prefix of invoice numbers. Default: `INV`.",
  anchorDay:
    "The day of the month on which accounts' billing periods begin, in UTC, unless the account has its own; in shorter months the last day. Default: 1.",
  dueDays: "Days from an invoice's date until it is due. Default: 14.",
  reviewMinutes: "How long a draft can be adjusted before it becomes an invoice. Default: 60.",
  blockPastDue:
    "Whether accounts with an invoice past due are rejected with 402 `payment_overdue`, until it is paid. Default: false.",
  carryBelow: "A total below this amount is added to the next invoice. Default: 0.",
  costPerMillion:
    "Your own estimate of what a million requests cost you, for the estimated margin in reports. No bill contains it. Default: no margin is estimated.",
  seller: "Who issues the invoices.",
  taxes: "Tax rates by the customer's country.",
  alerts:
    "Percentages of the included amount, a cap, a budget or credits at which an alert is sent, in ascending order.",
  portal: "What customers may do by themselves.",
});

named("Plan", "What a tier costs. `docs/billing.md` explains each rule with an example.", plan);
describeFields(plan, {
  base: "The fee of a month, charged at its end. Default: 0.",
  trialDays: "Days without a base fee and without overage. Default: 0.",
  minimum: "The least that a month comes to. Default: 0.",
  prices: "Prices of single routes, from the first request.",
});

named(
  "Overage",
  "What happens beyond the amount of a monthly quota of `user` scope; a tier may have one such quota.",
  overage,
);
describeFields(overage, {
  mode: "`stop` (default): requests beyond the amount are rejected. `payg`: they are billed. `prepaid`: they are paid from credits; base and minimum must be 0.",
  spendCap: "The most that overage may come to in a month, before tax. Requests beyond it are rejected.",
  price: "Needed in the modes `payg` and `prepaid`.",
});

named(
  "Price",
  "`unit`: each token. `graduated`: the usage within each price tier at that tier's price. `volume`: the whole usage at the price of the tier in which it ends. `package`: each package begun.",
  price,
);
