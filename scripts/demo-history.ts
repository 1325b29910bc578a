/**
 * The demo's billing: an account with three closed months, made by the product itself while its clock follows requests
 * (shifted-clock.ts). One invoice is paid, one with overage is past due, and one is as old as the month.
 *
 * Runs once, before the first start with a new state. Never changes a state that has a policy or the account.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isFields } from "./doctor/fields.ts";
import { CLOCK_HEADER } from "./shifted-clock.ts";

/** The account of demo-accounts.ts whose tier has a price. */
export const BILLED_ACCOUNT = "demo-pro";
const POLICY = join(import.meta.dirname, "..", "policy", "default.json");
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** When a month's invoice is drafted, after its end. */
const DRAFTED_AFTER_MS = 2 * HOUR_MS + 60_000;
const PAID_AFTER_MS = 5 * DAY_MS;
const ATTEMPTS = 40;
const RETRY_MS = 50;
const REASON = { reason: "npm start" };

/** Two origins that are the same, and how to stop the second (docs/pools.md). */
const POOL = {
  origins: {
    targets: [{ url: "service:ORIGIN" }, { url: "service:ORIGIN_B" }],
    eject: { failures: 3, forMs: 5_000 },
    probe: { path: "/" },
  },
};
const OUTAGE = { match: "/outage", methods: ["POST"], cost: 0, upstream: "service:ORIGIN_B" };

/** What the demo's policy has beyond the one that ships: the seller, the portal, and pro's price. */
const BILLING = {
  currency: "USD",
  dueDays: 20,
  // A population of many users of different rates (docs/performance.md, P6).
  costPerMillion: "0.76",
  seller: {
    name: "Fingerprint API Inc.",
    address: ["100 Example Street", "Springfield, IL 62701", "United States"],
    taxId: "00-0000000",
  },
  taxes: [{ country: "DE", name: "VAT", percent: "19" }],
  portal: { keys: true, tiers: ["free", "pro"] },
};
const PRO_PLAN = { base: "99" };
const PRO_OVERAGE = {
  mode: "payg",
  spendCap: "200",
  price: {
    model: "graduated",
    tiers: [
      { upTo: 100_000, unit: "0.0005" },
      { upTo: null, unit: "0.0003" },
    ],
  },
};
const CUSTOMER = {
  name: "Demo Customer GmbH",
  email: "accounts@customer.example",
  address: ["Beispielweg 1", "10115 Berlin"],
  country: "DE",
  taxId: "DE000000000",
};

/** What a request costs: one of /batch is for so many events. */
const COSTS = { "/identify": 1, "/compare": 2, "/batch": 250 } as const;
type RouteName = keyof typeof COSTS;
const ROUTES: readonly RouteName[] = ["/identify", "/compare", "/batch"];

/**
 * Requests of each closed month by route, the oldest first; then of the whole current month, of which only the elapsed share is sent. The
 * second exceeds the million that is included.
 */
const MONTHS: readonly Readonly<Partial<Record<RouteName, number>>>[] = [
  { "/identify": 5_420, "/compare": 1_975, "/batch": 2_843 },
  { "/identify": 6_264, "/compare": 1_918, "/batch": 5_071 },
  { "/identify": 5_733, "/batch": 3_206 },
  { "/identify": 5_910, "/compare": 1_240, "/batch": 2_930 },
];
/** Requests in one call: what a batch may have. */
const BATCH = 1_000;
/** The account's tokens per minute and its burst during the history: the highest cost of calls of all routes at one moment. */
export const HISTORY_BURST = BATCH * Object.values(COSTS).reduce((sum, cost) => sum + cost, 0);

/** A product whose clock follows requests. */
export interface DemoHistory {
  readonly url: URL;
  readonly adminToken: string;
  /** Where its clock ends. */
  readonly nowMs: number;
}

/** Makes the history. @throws if the product rejects a part of it. */
export async function makeDemoHistory(demo: DemoHistory): Promise<void> {
  const months = monthsUntil(demo.nowMs);
  const start = `${months[0]?.startMs} stopped`;
  const account = `/accounts/${BILLED_ACCOUNT}`;
  await admin(
    demo,
    start,
    "PUT",
    "/policy",
    { document: await demoPolicy(), ...REASON },
    { "If-Match": '"0"' },
  );
  // Its first period begins at midnight sharp.
  await admin(demo, start, "POST", "/accounts", { id: BILLED_ACCOUNT, tier: "pro", name: "Demo, pro" });
  await admin(demo, start, "PATCH", `${account}/billing`, { customer: CUSTOMER, ...REASON });
  // Hours of usage in one call.
  const wide = { minute: { tokens: HISTORY_BURST, burst: HISTORY_BURST } };
  await admin(demo, start, "PATCH", account, { limits: wide, ...REASON });
  const scopes = { name: "npm start, history", mode: "live", scopes: ["check"] };
  const issued = await admin(demo, start, "POST", `${account}/keys`, scopes);
  const [key, keyId] = [String(issued["key"]), String(issued["keyId"])];
  let paid: string | null = null;
  const events = months.flatMap(({ endMs, calls }, index): Event[] => [
    ...calls.map((call) => ({ atMs: call.atMs, happen: () => use(demo, key, call) })),
    {
      atMs: endMs + DRAFTED_AFTER_MS,
      async happen() {
        const invoice = await issue(demo, endMs + DRAFTED_AFTER_MS);
        if (index === 0) paid = invoice;
      },
    },
  ]);
  const paidAtMs = (months[0]?.endMs ?? 0) + PAID_AFTER_MS;
  events.push({
    atMs: paidAtMs,
    async happen() {
      await admin(demo, String(paidAtMs), "POST", `${account}/invoices/${paid}/mark-paid`, REASON);
    },
  });
  // In chronological order, so that the clock never steps back.
  for (const { atMs, happen } of events.toSorted((one, other) => one.atMs - other.atMs)) {
    if (atMs <= demo.nowMs) await happen();
  }
  await admin(demo, String(demo.nowMs), "PATCH", account, { limits: null, ...REASON });
  // Stopping charges a limit's headroom, here that of the wide limit.
  await admin(demo, null, "POST", `${account}/reset`, { limits: ["minute"], ...REASON });
  await admin(demo, null, "DELETE", `${account}/keys/${keyId}`);
}

/** The demo origin's table of traits is the same for every caller. */
const CACHED_ROUTE = {
  match: "/traits",
  cache: { ttlSeconds: 60, staleWhileRevalidateSeconds: 240, share: "all", vary: { query: [] } },
};

/** The policy that ships, with billing, a pool of two origins and a cached route: the demo's first revision. */
export async function demoPolicy(): Promise<object> {
  const policy: unknown = JSON.parse(await readFile(POLICY, "utf8"));
  const tiers = isFields(policy) && isFields(policy["tiers"]) ? policy["tiers"] : {};
  const pro = isFields(tiers["pro"]) ? tiers["pro"] : {};
  const { price: _informational, limits, ...others } = pro;
  const priced = (Array.isArray(limits) ? limits : []).map((limit: unknown) =>
    isFields(limit) && limit["kind"] === "quota" ? Object.assign({}, limit, { overage: PRO_OVERAGE }) : limit,
  );
  const routes = isFields(policy) && Array.isArray(policy["routes"]) ? policy["routes"] : [];
  return {
    ...(isFields(policy) ? policy : {}),
    billing: BILLING,
    upstreams: POOL,
    routes: [
      ...[...routes, CACHED_ROUTE].map((route: unknown) =>
        Object.assign({}, route, { upstream: "pool:origins" }),
      ),
      OUTAGE,
    ],
    tiers: { ...tiers, pro: { ...others, limits: priced, plan: PRO_PLAN } },
  };
}

interface Event {
  readonly atMs: number;
  readonly happen: () => Promise<void>;
}

/** Requests of one route at one moment, and what they cost together. */
interface Call {
  readonly atMs: number;
  readonly route: RouteName;
  readonly requests: number;
  readonly cost: number;
}

interface Month {
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  readonly calls: readonly Call[];
}

/** Three closed months, the oldest first, and the elapsed part of the current month. */
export function monthsUntil(nowMs: number): Month[] {
  const now = new Date(nowMs);
  return MONTHS.map((usage, index) => {
    const month = now.getUTCMonth() - (MONTHS.length - 1 - index);
    const startMs = Date.UTC(now.getUTCFullYear(), month);
    const nextMs = Date.UTC(now.getUTCFullYear(), month + 1);
    const endMs = Math.min(nextMs, nowMs);
    const share = (endMs - startMs) / (nextMs - startMs);
    return { startMs, endMs, calls: callsOf(usage, share, startMs, endMs) };
  });
}

/** A share of a month's requests in calls, those of each route spread evenly, in chronological order. */
function callsOf(usage: (typeof MONTHS)[number], share: number, startMs: number, endMs: number): Call[] {
  const calls = ROUTES.flatMap((route) => {
    const total = Math.floor((usage[route] ?? 0) * share);
    const count = Math.ceil(total / BATCH);
    return Array.from({ length: count }, (_, i): Call => {
      const requests = Math.floor((total * (i + 1)) / count) - Math.floor((total * i) / count);
      const atMs = Math.round(startMs + ((endMs - startMs) * (i + 0.5)) / count);
      return { atMs, route, requests, cost: requests * COSTS[route] };
    });
  });
  return calls.toSorted((one, other) => one.atMs - other.atMs);
}

async function use(demo: DemoHistory, key: string, { atMs, route, requests }: Call): Promise<void> {
  const operation = { user: BILLED_ACCOUNT, route, cost: COSTS[route] };
  const response = await fetch(new URL("/api/v1/rate-limit/check/batch", demo.url), {
    method: "POST",
    headers: { "X-API-Key": key, "Content-Type": "application/json", [CLOCK_HEADER]: String(atMs) },
    body: JSON.stringify(Array.from({ length: requests }, () => operation)),
  });
  const text = await response.text();
  const allowed = text.split('"allowed":true').length - 1;
  if (!response.ok || allowed !== requests) {
    throw new Error(`the demo's history: ${allowed} of ${requests} for ${route}: ${text.slice(0, 1_000)}`);
  }
}

/** Ends the review of the newest invoice, and waits for its number. @returns its id. @throws if it is not a draft. */
async function issue(demo: DemoHistory, atMs: number): Promise<string> {
  const { invoices } = await admin(demo, String(atMs), "GET", `/accounts/${BILLED_ACCOUNT}/invoices`);
  const draft: unknown = Array.isArray(invoices) ? invoices[0] : null;
  if (!isFields(draft) || draft["status"] !== "draft") {
    throw new Error(
      `the demo's history: no draft at ${new Date(atMs).toISOString()}: ${JSON.stringify(draft)}`,
    );
  }
  const invoice = `/accounts/${BILLED_ACCOUNT}/invoices/${String(draft["id"])}`;
  await admin(demo, null, "POST", `${invoice}/finalize`, REASON);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { status } = await admin(demo, null, "GET", invoice);
    if (status !== "pending") break;
    await setTimeout(RETRY_MS);
  }
  return String(draft["id"]);
}

/** @param clock null: as it is. */
async function admin(
  { url, adminToken }: DemoHistory,
  clock: string | null,
  method: string,
  path: string,
  body?: object,
  more: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(new URL(`/api/v1/admin${path}`, url), {
    method,
    headers: {
      Authorization: `Bearer ${adminToken}`,
      "Content-Type": "application/json",
      ...(clock === null ? {} : { [CLOCK_HEADER]: clock }),
      ...more,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the demo's history: ${method} ${path}: ${response.status} ${text}`);
  const answer: unknown = text === "" ? {} : JSON.parse(text);
  return isFields(answer) ? answer : {};
}
