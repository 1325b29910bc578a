/**
 * Ten thousand requests of a known mix through the started product: every report gives the known numbers, and the ledgers and
 * the metrics agree exactly.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { ADMIN_TOKEN, type Checkout, makeCheckout, LONG_DEADLINE } from "./checkout.ts";
import { type Answer, hammer, request, type RequestOptions } from "./client.ts";
import { eventually, newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

/** Refills so slowly that no token returns during the test. */
const bucket = (burst: number) => [{ name: "minute", kind: "bucket", tokens: 1, per: "day", burst }];
const POLICY = {
  tiers: {
    anonymous: { limits: bucket(45) },
    free: { limits: bucket(100) },
    pro: { limits: bucket(10_000) },
    enterprise: { limits: [], mode: "leased" },
    partner: { limits: [], mode: "leased" },
  },
};
const CLIENTS = 48;
const ARRIVE_MS = 20_000;
const HOSTILE = `a'b"c\\d;DROP/**/TABLE/**/points;--<script>{{x}}%00\${y}`;

let checkout: Checkout;
let product: Product;
let keys: { pro: string; free: string; enterprise: string; blocked: string; service: string };

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
  product = await startProduct(checkout);
  await publishPolicy(product, POLICY);
  const accountOf = (id: string, tier: string) => newAccount(product, id, tier);
  keys = {
    pro: await accountOf("pro-user", "pro"),
    free: await accountOf("free-user", "free"),
    enterprise: await accountOf("enterprise-user", "enterprise"),
    blocked: await accountOf("blocked-user", "pro"),
    service: await accountOf("service", "partner"),
  };
  await admin("PATCH", "/accounts/blocked-user", { status: "blocked" });
  const issued = await admin("POST", "/accounts/service/keys", { scopes: ["check"] });
  keys.service = String(Reflect.get(Object(issued.json()), "key"));
});
afterAll(async () => {
  await product?.run.kill();
  await checkout?.remove();
});

async function admin(method: string, path: string, body?: object): Promise<Answer> {
  const answer = await request(new URL(`/api/v1/admin${path}`, product.url), {
    method,
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300);
  return answer;
}

async function report(name: string, search = ""): Promise<unknown> {
  return (await admin("GET", `/reports/${name}?limit=1000&${search}`)).json();
}

const field = (value: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((found, name) => Reflect.get(Object(found), name), value);

const sum = (numbers: unknown): number =>
  Array.isArray(numbers) ? numbers.reduce<number>((total, n) => total + Number(n), 0) : Number.NaN;

interface Kind {
  readonly count: number;
  readonly path: string;
  readonly options: RequestOptions;
  /** The expected number of responses by status. */
  readonly answers: Readonly<Record<number, number>>;
}

const withKey = (key: string): RequestOptions => ({ headers: { "X-API-Key": key } });

function mix(): Kind[] {
  const check: RequestOptions = {
    method: "POST",
    headers: { "X-API-Key": keys.service, "Content-Type": "application/json" },
    body: JSON.stringify({ user: "checked" }),
  };
  return [
    { count: 2_000, path: "/identify", options: withKey(keys.pro), answers: { 200: 2_000 } },
    // The demo origin requires a body: admitted, charged, and rejected there.
    { count: 500, path: "/compare", options: withKey(keys.pro), answers: { 400: 500 } },
    { count: 1_500, path: "/identify", options: withKey(keys.free), answers: { 200: 100, 429: 1_400 } },
    { count: 4_000, path: "/identify", options: withKey(keys.enterprise), answers: { 200: 4_000 } },
    { count: 500, path: "/identify", options: {}, answers: { 200: 45, 429: 455 } },
    { count: 500, path: "/identify", options: withKey("no key"), answers: { 401: 500 } },
    { count: 500, path: "/nowhere", options: {}, answers: { 404: 500 } },
    { count: 400, path: "/identify", options: withKey(keys.blocked), answers: { 403: 400 } },
    { count: 100, path: "/api/v1/rate-limit/check", options: check, answers: { 200: 100 } },
  ];
}

/** Sends all kinds, interleaved. */
async function send(kinds: readonly Kind[]): Promise<void> {
  const left = kinds.map(({ count }) => count);
  const seen = kinds.map(() => new Map<number, number>());
  const total = sum(left);
  let sent = 0;
  const unanswered = await hammer(
    CLIENTS,
    () => sent >= total,
    async () => {
      sent += 1;
      let kind = sent % kinds.length;
      while ((left[kind] ?? 0) === 0) kind = (kind + 1) % kinds.length;
      left[kind] = (left[kind] ?? 0) - 1;
      const { path, options } = kinds[kind]!;
      const { status } = await request(new URL(path, product.url), options);
      seen[kind]?.set(status, (seen[kind]?.get(status) ?? 0) + 1);
    },
  );
  expect(unanswered).toBe(0);
  expect(seen.map((statuses) => Object.fromEntries(statuses))).toEqual(kinds.map(({ answers }) => answers));
}

it("every report, every ledger and every metric count exactly ten thousand requests", async () => {
  // cloudflare/workers-sdk#4258
  await send(mix());
  await eventually(ARRIVE_MS, "analytics have all", async () => {
    const requests = field(await report("overview"), "current", "requests");
    return requests === 10_000 || null;
  });

  const outcomes = { allowed: 6_745, denied: 1_855, turnedAway: 1_400, errors: 0 };
  const totals = { requests: 10_000, ...outcomes, decided: 9_000, cost: 7_245 };
  const overview = await report("overview");
  expect(overview).toMatchObject({
    backend: "embedded",
    sampled: false,
    current: totals,
    previous: { requests: 0 },
  });

  const series = field(await report("timeseries"), "series");
  expect(
    Array.isArray(series) && series.map((line) => [field(line, "key"), sum(field(line, "requests"))]),
  ).toEqual([
    ["allowed", 6_745],
    ["denied", 1_855],
    ["turned_away", 1_400],
  ]);

  const users = [
    { account: "user:enterprise-user", requests: 4_000, allowed: 4_000, denied: 0, cost: 4_000 },
    { account: "user:pro-user", requests: 2_500, allowed: 2_500, cost: 3_000 },
    { account: "user:free-user", requests: 1_500, allowed: 100, denied: 1_400, cost: 100 },
    { account: expect.stringMatching(/^ip:/), requests: 500, allowed: 45, denied: 455, cost: 45 },
    { account: "user:blocked-user", requests: 400, denied: 0, turnedAway: 400, cost: 0 },
    { account: "user:checked", requests: 100, allowed: 100, cost: 100 },
  ];
  expect(await report("top-users")).toMatchObject({ users });
  expect(await report("top-users", "order=denied&outcome=denied")).toMatchObject({
    users: [
      { account: "user:free-user", denied: 1_400 },
      { account: expect.stringMatching(/^ip:/), denied: 455 },
    ],
  });
  const shares = field(await report("top-users"), "users", 0, "share");
  expect(shares).toBeCloseTo(4_000 / 9_000);
  expect(await report("top-routes")).toMatchObject({
    routes: [
      { route: "/identify", requests: 8_900 },
      { route: "/compare", requests: 500, cost: 1_000 },
    ],
  });
  expect(await report("denials")).toMatchObject({
    denied: 1_855,
    reasons: [{ reason: "minute", denied: 1_855, share: 1 }],
    top: [{ reason: "minute", account: "user:free-user", denied: 1_400 }, {}],
  });
  const tiers = field(await report("tiers"), "tiers");
  expect(sum(Array.isArray(tiers) && tiers.map((tier) => field(tier, "requests")))).toBe(9_000);
  expect(tiers).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ tier: "enterprise", requests: 4_000, allowed: 4_000 }),
      expect.objectContaining({ tier: "anonymous", requests: 500, denied: 455 }),
    ]),
  );
  const latency = await report("latency");
  const histogram = field(latency, "histogram");
  expect(sum(Array.isArray(histogram) && histogram.map((entry) => field(entry, "requests")))).toBe(9_000);
  const sources = await report("sources");
  const bySource = field(sources, "sources");
  const ofSource = (name: string): number =>
    sum(
      Array.isArray(bySource) &&
        bySource.filter((found) => field(found, "source") === name).map((found) => field(found, "requests")),
    );
  expect(ofSource("none")).toBe(1_000);
  expect(ofSource("lease")).toBeGreaterThan(3_000);
  expect(ofSource("lease") + ofSource("strict") + ofSource("deny-cache")).toBe(9_000);
  expect(field(sources, "hopsSaved", "requests")).toBe(ofSource("lease") + ofSource("deny-cache"));
  expect(await report("user", "account=user:free-user")).toMatchObject({
    account: "user:free-user",
    totals: { requests: 1_500, allowed: 100, denied: 1_400, cost: 100 },
    routes: [{ route: "/identify", requests: 1_500 }],
    reasons: [{ reason: "minute", denied: 1_400, share: 1 }],
    keys: [{ requests: 1_500 }],
  });
  const log = field(await report("decisions", "reason=blocked"), "decisions");
  expect(log).toHaveLength(400);
  expect(log).toEqual(
    Array.from({ length: 400 }, () => expect.objectContaining({ account: "user:blocked-user" })),
  );
  const csv = await admin("GET", "/reports/decisions?reason=not_found&limit=1000&format=csv");
  expect(csv.text.trimEnd().split("\r\n")).toHaveLength(501);

  const scrape = await request(new URL("/api/v1/rate-limit/metrics", product.url), {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const samples = [...scrape.text.matchAll(/^edge_limiter_requests_total\{([^}]*)\} (\d+)$/gm)];
  expect(sum(samples.map(([, , n]) => n))).toBe(10_000);
  const deniedSamples = samples.filter(([, labels]) => labels?.includes('outcome="denied"'));
  expect(sum(deniedSamples.map(([, , n]) => n))).toBe(1_855);
  const decisions = [...scrape.text.matchAll(/^edge_limiter_decision_seconds_count\{[^}]*\} (\d+)$/gm)];
  expect(sum(decisions.map(([, n]) => n))).toBe(9_000);

  // The edge reports repeated denials to the user's object with its next question about that user.
  const peek = { user: "free-user", peek: true };
  const { headers = {} } = withKey(keys.service);
  const asked = { method: "POST", headers: { ...headers, "Content-Type": "application/json" } };
  await request(new URL("/api/v1/rate-limit/check", product.url), { ...asked, body: JSON.stringify(peek) });
  // The isolates' reports reach the objects within a second or two.
  const usersOf = (answer: unknown): unknown[] => {
    const accounts = field(answer, "accounts");
    return Array.isArray(accounts)
      ? accounts.filter((drift) => String(field(drift, "account")).startsWith("user:"))
      : [];
  };
  const drift = await eventually(ARRIVE_MS, "the ledgers have all", async () => {
    const answer = await report("ledger-drift");
    const denials = usersOf(answer).map((user) => field(user, "ledger", "denied"));
    return field(answer, "total", "ledger", "requests") === 6_700 && sum(denials) === 1_400 ? answer : null;
  });
  const none = { count: 0, percent: 0 };
  for (const user of usersOf(drift)) {
    expect(user).toMatchObject({ difference: { requests: none, cost: none, denied: none } });
  }
  expect(usersOf(drift)).toHaveLength(5);
  expect(drift).toMatchObject({
    total: {
      // Without those of the address, whose ledger a report by prefixes cannot name.
      ledger: { requests: 6_700, cost: 7_200 },
      analytics: { requests: 6_700, cost: 7_200, denied: 1_400 },
      difference: { requests: none, cost: none },
    },
  });
  for (const [id, requests, cost, denied] of [
    ["enterprise-user", 4_000, 4_000, 0],
    ["pro-user", 2_500, 3_000, 0],
    ["free-user", 100, 100, 1_400],
    ["checked", 100, 100, 0],
  ]) {
    const usage = (await admin("GET", `/accounts/${id}/usage?granularity=month`)).json();
    expect(usage).toMatchObject({ usage: [{ requests, cost, denied }] });
  }
});

it("no user id, path or header breaks a report", async () => {
  const key = await newAccount(product, HOSTILE, "pro");
  const headers = { "X-API-Key": key, "User-Agent": `${HOSTILE} ${"x".repeat(10_240)}` };
  const paths = ["/identify?q=%00%0a'", `/${encodeURIComponent(HOSTILE)}`, `/${"y".repeat(10_240)}`];
  for (const path of paths) await request(new URL(path, product.url), { headers });
  const account = `account=${encodeURIComponent(`user:${HOSTILE}`)}`;
  await eventually(ARRIVE_MS, "analytics have it", async () => {
    return field(await report("user", account), "totals", "requests") === 1 || null;
  });
  for (const name of [
    "overview",
    "timeseries",
    "top-users",
    "top-routes",
    "denials",
    "tiers",
    "latency",
    "sources",
    "decisions",
    "ledger-drift",
  ]) {
    await report(name);
    await report(name, account);
    await report(name, `route=${encodeURIComponent(HOSTILE)}&reason=${encodeURIComponent("' OR ''='")}`);
  }
  const log = field(await report("decisions", account), "decisions");
  expect(log).toMatchObject([{ account: `user:${HOSTILE}`, route: "/identify", outcome: "allowed" }]);
  expect(await report("top-users")).toMatchObject({
    users: expect.arrayContaining([expect.objectContaining({ account: `user:${HOSTILE}`, requests: 1 })]),
  });
});
