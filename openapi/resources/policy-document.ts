/** What the fields of a policy document mean. Its schema is src/policy/schema.ts. */
import { billing, overage, plan, price } from "../../src/policy/billing-schema.ts";
import { rule, ruleMembers } from "../../src/policy/rule-schema.ts";
import { policySchema } from "../../src/policy/schema.ts";
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
  anonymousTier: "The tier of callers without a credential, limited by address.",
  defaultTier: "The tier of users whose account or token names none.",
  enforcement:
    "`shadow`: an emergency switch, by which no limit rejects: all are in shadow, except quotas with `overage`. Blocks and revoked keys still reject. Default: `on`.",
  rules:
    "In front of all limits: at most 100, with 5,000 addresses and networks in all. The first that matches a request applies. `docs/rules.md` explains them.",
  billing: "What all bills have in common. Without it, nothing is billed.",
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
  upstream: "An http(s) URL or `service:BINDING`. Default: the variable UPSTREAM.",
  timeoutMs:
    "Deadline of the upstream's response headers, from the end of the request's body. Default: 30 s.",
  forwardKey: "Forward the API key to the upstream.",
  exactPath:
    "Do not apply the route to other spellings of its paths: another case, a trailing slash, path parameters such as `;a=1`, or spaces and dots at the end of a segment. Without it, the route also applies to another spelling if it is at least as strict as the route that matches that spelling.",
  deprecated: "A date, or a time of UTC: responses have `Deprecation` (RFC 9745). It may be in the future.",
  sunset: "When the route is expected to stop working: responses have `Sunset` (RFC 8594).",
  usage:
    "What a request costs beside `cost`, if that is known only from its response. `docs/units.md` explains it.",
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
