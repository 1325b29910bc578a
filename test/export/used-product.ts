/** A started product with some hours of usage of many kinds, all of them frozen, and what its ledgers have. */
import * as z from "zod/mini";
import { ADMIN_TOKEN, type Checkout } from "../blackbox/checkout.ts";
import { type Answer, request } from "../blackbox/client.ts";
import {
  eventually,
  freePort,
  newAccount,
  type Product,
  publishPolicy,
  startProduct,
} from "../blackbox/product.ts";

const HOUR_MS = 3_600_000;
const HOURS = 3;

/** Ids with all that some protocol would have to escape. */
export const ACCOUNTS = [
  "acme",
  "user@example.com",
  "a=b,c",
  String.raw`back\slash`,
  String.raw`ends\ `.trim(),
  `quote"d'`,
  "50%5C",
  "$1{x}",
  ...Array.from({ length: 8 }, (_none, i) => `customer-${i}`),
];

/** Sends more than its limit. */
const GREEDY = "customer-7";
/** An object writes its denials after 256: fewer would be lost when the product stops. */
const GREEDY_REQUESTS = 400;

const TIER = {
  mode: "strict",
  durability: "exact",
  limits: [
    { name: "day", kind: "bucket", tokens: 40, per: "day", burst: 30 },
    { name: "tokens", kind: "quota", unit: "tokens", amount: 1_000_000, per: "month" },
  ],
};

/** Usage of an account in an hour on a route. Amounts in thousandths. */
export interface Used {
  requests: number;
  costMilli: number;
  denied: number;
  units: Record<string, number>;
}
/** By `account hour route`, with the hour as RFC 3339 without fractions. */
export type Ledger = Map<string, Used>;

export interface UsedProduct {
  readonly product: Product;
  readonly ledger: Ledger;
}

const usageSchema = z.object({
  usage: z.array(
    z.object({
      period: z.string(),
      route: z.string(),
      requests: z.int(),
      cost: z.number(),
      denied: z.int(),
      units: z.optional(z.record(z.string(), z.number())),
    }),
  ),
  cursor: z.nullable(z.string()),
});
const accountsSchema = z.object({
  accounts: z.array(z.object({ id: z.string() })),
  cursor: z.nullable(z.string()),
});

export function admin({ url }: Product, method: string, path: string, body?: object): Promise<Answer> {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return request(new URL(`/api/v1/admin${path}`, url), { method, headers, ...text });
}

/** Takes about half a minute: the product starts once for each hour, with a clock that is ahead. */
export async function startUsedProduct(checkout: Checkout): Promise<UsedProduct> {
  const port = await freePort();
  const keys = new Map<string, string>();
  const others: { checker: string; tester: string } = { checker: "", tester: "" };
  for (let hour = 0; hour < HOURS; hour++) {
    const product = await startProduct(checkout, { port, clockOffsetMs: hour * HOUR_MS });
    if (hour === 0) {
      const names = ["anonymous", "free", "pro", "enterprise", "partner"];
      await publishPolicy(product, { tiers: Object.fromEntries(names.map((name) => [name, TIER])) });
      for (const account of ACCOUNTS) keys.set(account, await newAccount(product, account, "free"));
      others.checker = await keyOf(product, { scopes: ["check"] });
      others.tester = await keyOf(product, { mode: "test" });
    }
    await useHour(product, keys, others, hour);
    // An isolate reports the denials that it makes itself within a second or two.
    await eventually(10_000, "the ledger has the denials", async () => {
      const rows = await usageOf(product, GREEDY);
      const known = rows.reduce((sum, { denied }) => sum + denied, 0);
      return known >= 256 * (hour + 1) || null;
    });
    await product.run.stop();
  }
  const product = await startProduct(checkout, { port, clockOffsetMs: (HOURS + 4) * HOUR_MS });
  return { product, ledger: await ledgerOf(product) };
}

async function keyOf(product: Product, given: object): Promise<string> {
  const made = await admin(product, "POST", "/accounts/acme/keys", given);
  return z.object({ key: z.string() }).parse(made.json()).key;
}

async function useHour(
  { url }: Product,
  keys: ReadonlyMap<string, string>,
  { checker, tester }: { checker: string; tester: string },
  hour: number,
): Promise<void> {
  const call = (path: string, key: string) => request(new URL(path, url), { headers: { "X-API-Key": key } });
  const check = (user: string, cost: object) =>
    request(new URL("/api/v1/rate-limit/check", url), {
      method: "POST",
      headers: { "X-API-Key": checker },
      body: JSON.stringify({ user, cost }),
    });
  for (const [i, [account, key]] of [...keys].entries()) {
    for (let n = 0; n < 1 + ((i + hour) % 3); n++) {
      await call("/identify", key);
      if (i % 2 === 0) await call("/compare", key);
    }
    if (i % 3 === 0) await check(account, { requests: 0.125, tokens: 1_000.5 * (i + 1) });
  }
  await call("/identify", tester);
  const greedy = keys.get(GREEDY) ?? "";
  for (let n = 0; n < GREEDY_REQUESTS; n++) await call("/identify", greedy);
}

/** From the usage of each account, as an operator sees it. */
async function ledgerOf(product: Product): Promise<Ledger> {
  const ledger: Ledger = new Map();
  for (let cursor = ""; ;) {
    const answer = await admin(product, "GET", `/accounts?limit=100${cursor}`);
    const page = accountsSchema.parse(answer.json());
    for (const { id } of page.accounts) {
      for (const row of await usageOf(product, id)) {
        const { period, route, requests, cost, denied, units = {} } = row;
        addUsage(ledger, [id, period, route], {
          requests,
          denied,
          costMilli: Math.round(cost * 1_000),
          units: Object.fromEntries(
            Object.entries(units).map(([unit, amount]) => [unit, Math.round(amount * 1_000)]),
          ),
        });
      }
    }
    if (page.cursor === null) return ledger;
    cursor = `&cursor=${page.cursor}`;
  }
}

async function usageOf(product: Product, id: string) {
  const path = `/accounts/${encodeURIComponent(id)}/usage?granularity=hour&group=route&from=2020-01-01`;
  const answer = await admin(product, "GET", path);
  if (answer.status === 404) return [];
  const { usage, cursor } = usageSchema.parse(answer.json());
  if (cursor !== null) throw new Error("more than one page");
  return usage;
}

/** Adds usage to a ledger. */
export function addUsage(
  ledger: Ledger,
  key: readonly [account: string, hour: string, route: string],
  added: Used,
): void {
  const text = key.join(" ");
  const before = ledger.get(text) ?? { requests: 0, costMilli: 0, denied: 0, units: {} };
  const units = { ...before.units };
  for (const [unit, milli] of Object.entries(added.units)) units[unit] = (units[unit] ?? 0) + milli;
  ledger.set(text, {
    requests: before.requests + added.requests,
    costMilli: before.costMilli + added.costMilli,
    denied: before.denied + added.denied,
    units,
  });
}

/** In an order that does not depend on the one in which it was filled. */
export function sorted(ledger: Ledger): [string, Used][] {
  return [...ledger].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
