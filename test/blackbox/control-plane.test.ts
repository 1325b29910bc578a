/**
 * The control plane of the started product, over HTTP only and from an empty state: the next request shows each step of an
 * operator's day. Then the product is killed, and everything is still there, months later too.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod/mini";
import { ADMIN_TOKEN, type Checkout, makeCheckout, LONG_DEADLINE } from "./checkout.ts";
import { type Answer, request } from "./client.ts";
import { type Product, startProduct } from "./product.ts";

const ID = "acme/production";
const ACCOUNT = `/accounts/${encodeURIComponent(ID)}`;
/** Refills so slowly that no token returns during the test. */
const SLOW = { tokens: 1, per: "day" };

/** The audit trail before the account is deleted, newest first. */
const AUDIT = [
  "account.change",
  "key.revoke",
  "key.rotate",
  "account.reset",
  "account.change",
  "account.change",
  "account.grant",
  "account.change",
  "account.change",
  "key.create",
  "account.create",
];

let checkout: Checkout;
let product: Product | null = null;

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
  product = await startProduct(checkout);
});
afterAll(async () => {
  await product?.run.kill();
  await checkout?.remove();
});

function urlOf(path: string): URL {
  if (!product) throw new Error("the product is not running");
  return new URL(path, product.url);
}

/** Calls the admin API; the response must have this status. */
async function admin(
  status: number,
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const answer = await request(urlOf(`/api/v1/admin${path}`), {
    method,
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json", ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect(answer.status, `${method} ${path}: ${answer.text}`).toBe(status);
  return answer;
}

/** A string field of a response. */
function textOf(answer: Answer, field: string): string {
  const body = answer.json();
  if (typeof body !== "object" || body === null) throw new Error(answer.text);
  const value: unknown = Reflect.get(body, field);
  if (typeof value !== "string") throw new Error(`no ${field}: ${answer.text}`);
  return value;
}

/** The number of admitted requests. */
let admitted = 0;

/** The statuses of the next requests with a key. */
async function next(key: string, times = 1): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < times; i++) {
    const { status } = await request(urlOf("/identify"), { headers: { "X-API-Key": key } });
    if (status === 200) admitted += 1;
    statuses.push(status);
  }
  return statuses;
}

/** The status of a key, with its limits. */
async function limits(key: string): Promise<unknown> {
  const status = await request(urlOf("/api/v1/rate-limit/status"), { headers: { "X-API-Key": key } });
  return status.json();
}

it("every change shows in the next request, and survives a kill", async () => {
  // Account, key, first request.
  await admin(404, "GET", ACCOUNT);
  await admin(201, "POST", "/accounts", { id: ID, name: "Acme", tier: "free", reason: "signed up" });
  await admin(409, "POST", "/accounts", { id: ID });
  const first = await admin(201, "POST", `${ACCOUNT}/keys`, { name: "web" });
  const old = { key: textOf(first, "key"), keyId: textOf(first, "keyId") };
  expect(await next(old.key)).toEqual([200]);
  expect(await limits(old.key)).toMatchObject({
    user: ID,
    tier: "free",
    limits: [
      { name: "minute", limit: 150 },
      { name: "month", limit: 50_000, remaining: 49_999 },
    ],
  });

  // Another tier.
  await admin(200, "PATCH", ACCOUNT, { tier: "pro" });
  expect(await limits(old.key)).toMatchObject({
    tier: "pro",
    limits: [{ limit: 1_500 }, { remaining: 999_999 }],
  });

  // Overrides, until they are used up; a grant; the quota keeps its use.
  await admin(422, "PATCH", ACCOUNT, { limits: { hour: SLOW } });
  await admin(200, "PATCH", ACCOUNT, { limits: { minute: { ...SLOW, burst: 3 } } });
  expect((await next(old.key, 5)).slice(-2)).toEqual([429, 429]);
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await admin(201, "POST", `${ACCOUNT}/grants`, { limit: "minute", amount: 2, until });
  expect(await next(old.key, 3)).toEqual([200, 200, 429]);

  // A block, and its end.
  await admin(200, "PATCH", ACCOUNT, { status: "blocked" });
  expect(await next(old.key)).toEqual([403]);
  await admin(200, "PATCH", ACCOUNT, { status: "active" });
  await admin(200, "POST", `${ACCOUNT}/reset`, { limits: ["minute"] });
  expect(await next(old.key, 2)).toEqual([200, 200]);

  // A new key in addition to the old one, then in its place.
  const second = await admin(201, "POST", `${ACCOUNT}/keys/${old.keyId}/rotate`, { graceSeconds: 3_600 });
  const current = textOf(second, "key");
  expect([await next(old.key), await next(current)]).toEqual([[200], [200]]);
  await admin(200, "DELETE", `${ACCOUNT}/keys/${old.keyId}`);
  expect([await next(old.key), await next(current)]).toEqual([[401], [200]]);

  // Of two policies published at once, one wins, and decides the next request. Then a rollback.
  const read = await admin(200, "GET", "/policy");
  expect(read.headers.etag).toBe('"0"');
  const before = read.json();
  const shipped: unknown =
    typeof before === "object" && before !== null ? Reflect.get(before, "document") : null;
  const tiersOf = (burst: number) => ({
    pro: { limits: [{ name: "minute", kind: "bucket", ...SLOW, burst }] },
  });
  const documentOf = (burst: number) =>
    typeof shipped === "object" && shipped !== null
      ? { ...shipped, tiers: { ...Object(Reflect.get(shipped, "tiers")), ...tiersOf(burst) } }
      : {};
  await admin(200, "PATCH", ACCOUNT, { limits: null });
  const put = (burst: number) =>
    request(urlOf("/api/v1/admin/policy"), {
      method: "PUT",
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "If-Match": '"0"' },
      body: JSON.stringify({ document: documentOf(burst), reason: "smaller" }),
    });
  const rivals = await Promise.all([put(10), put(20)]);
  expect(rivals.map(({ status }) => status).toSorted()).toEqual([200, 412]);
  const burst = rivals[0]?.status === 200 ? 10 : 20;
  // The grant still adds its two.
  expect(await limits(current)).toMatchObject({
    revision: 1,
    limits: [{ name: "minute", limit: burst + 2 }],
  });
  await admin(422, "PUT", "/policy", { document: { schema: 1 } }, { "If-Match": '"1"' });
  await admin(200, "POST", "/policy/revisions/0/activate", { reason: "too small" });
  expect(await limits(current)).toMatchObject({ revision: 2, limits: [{ limit: 1_502 }, { name: "month" }] });
  await admin(200, "POST", "/policy/revisions/1/activate", {});
  expect(await limits(current)).toMatchObject({ revision: 3, limits: [{ limit: burst + 2 }] });

  // The usage for the bill, and the audit trail.
  const usage = await admin(200, "GET", `${ACCOUNT}/usage?granularity=month`);
  expect(usage.json()).toMatchObject({ usage: [{ requests: admitted, cost: admitted }] });
  const csv = await admin(200, "GET", `${ACCOUNT}/usage?granularity=month&group=route`, undefined, {
    Accept: "text/csv",
  });
  expect(csv.text).toMatch(
    new RegExp(`^period,route,requests,cost,denied,units\r\n[0-9TZ:-]+,[^,]*/identify,${admitted},`),
  );
  const kept = ["", "/keys", "/audit"]
    .map((path) => `${ACCOUNT}${path}`)
    .concat("/policy", "/policy/revisions", "/accounts?name=acme");
  const readAll = async () => {
    const bodies: unknown[] = [];
    for (const path of kept) bodies.push((await admin(200, "GET", path)).json());
    return bodies;
  };
  const all = await readAll();
  expect(all[2]).toMatchObject({ entries: AUDIT.map((action) => ({ action })) });
  expect(all[5]).toMatchObject({ accounts: [{ id: ID, tier: "pro", status: "active" }] });

  // Killed and restarted: everything is there, and the keys still work.
  await product?.run.kill();
  product = await startProduct(checkout);
  expect(await readAll()).toEqual(all);
  expect(await limits(current)).toMatchObject({ revision: 3, tier: "pro", limits: [{ limit: burst + 2 }] });
  expect([await next(old.key), await next(current)]).toEqual([[401], [200]]);

  // The account is deleted.
  await admin(204, "DELETE", `${ACCOUNT}?reason=left`);
  expect(await next(current)).toEqual([401]);
  await admin(404, "GET", ACCOUNT);
  expect((await admin(200, "GET", "/accounts?name=acme")).json()).toEqual({ accounts: [], cursor: null });
  expect((await admin(200, "GET", `${ACCOUNT}/usage`)).json()).toMatchObject({
    usage: [{ requests: admitted }],
  });

  // Billing begins for another account. Its budget stops live keys to the request; test keys have an amount of their own.
  await admin(200, "PUT", "/policy", { document: billedOf(documentOf(10)) }, { "If-Match": "*" });
  await admin(201, "POST", "/accounts", { id: "billed", tier: "payg" });
  const opened = await admin(200, "PATCH", "/accounts/billed/billing", { budget: "0.02" });
  const key = async (mode: string) =>
    textOf(await admin(201, "POST", "/accounts/billed/keys", { mode }), "key");
  const paid = Math.floor(stopOf(opened.json()));
  expect(await next(await key("test"), INCLUDED + 1)).toEqual([...ALLOWED.slice(0, INCLUDED), 429]);
  expect(await next(await key("live"), paid + 1)).toEqual([...ALLOWED.slice(0, paid), 429]);
  for (const [mode, requests] of [["test", INCLUDED] as const, ["live", paid] as const]) {
    const metered = await admin(200, "GET", `/accounts/billed/usage?granularity=month&mode=${mode}`);
    expect(metered.json()).toMatchObject({ usage: [{ requests }] });
  }

  // Two months pass: its period is the one of then.
  await product?.run.kill();
  product = await startProduct(checkout, { clockOffsetMs: TWO_MONTHS_MS });
  const later = await admin(200, "GET", "/accounts/billed/billing");
  // Three, if a February or the end of a month is between.
  expect(monthsOf(later.json()) - monthsOf(opened.json())).toBeGreaterThanOrEqual(2);
});

/** As long as the longest two months. */
const TWO_MONTHS_MS = 62 * 86_400_000;

const INCLUDED = 4;
const ALLOWED = Array.from({ length: INCLUDED + 2 }, () => 200);

function billedOf(document: object): object {
  const overage = { mode: "payg", price: { model: "unit", unit: "0.01" } };
  const quota = { name: "month", kind: "quota", amount: INCLUDED, per: "month", overage };
  const tiers = { ...Object(Reflect.get(document, "tiers")), payg: { limits: [quota] } };
  return { ...document, tiers, billing: { currency: "EUR" } };
}

/** Where the overage quota stops. */
function stopOf(billing: unknown): number {
  return z.object({ allowance: z.object({ amount: z.number() }) }).parse(billing).allowance.amount;
}

/** The month in which the open period ends, counted from the year 0. */
function monthsOf(billing: unknown): number {
  const { period } = z.object({ period: z.object({ end: z.string() }) }).parse(billing);
  const [year, month] = period.end.split("-").map(Number);
  return (year ?? 0) * 12 + (month ?? 0);
}
