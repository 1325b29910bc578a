/**
 * `kill -9` of the whole product while it closes billing periods, ten times, as months pass: by a clock that is further ahead with each
 * start. Accounts are used all the time.
 */
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod/mini";
import { rateAgain } from "../../src/billing/invoice-document.ts";
import { readDocument, writeDocument } from "../../src/objects/invoice.ts";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "./checkout.ts";
import { request } from "./client.ts";
import { eventually, freePort, newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

const KILLS = 10;
const DAY_MS = 86_400_000;
/** The review of a draft that is made late begins then; it lasts up to half an hour. */
const REVIEW_MS = 31 * 60_000;
const ACCOUNTS = ["ann", "bob", "eve"];

const TIERS = {
  anonymous: { limits: [] },
  free: { limits: [] },
  enterprise: { limits: [] },
  partner: { limits: [] },
  pro: {
    limits: [
      {
        name: "month",
        kind: "quota",
        amount: 5,
        per: "month",
        overage: { mode: "payg", price: { model: "unit", unit: "0.01" } },
      },
    ],
    plan: { base: "31" },
  },
};

let checkout: Checkout;
let product: Product | null = null;

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
});
afterAll(async () => {
  await product?.run.kill();
  await checkout?.remove();
});

const invoiceSchema = z.object({
  id: z.string(),
  status: z.string(),
  number: z.nullable(z.string()),
  issuedAt: z.nullable(z.string()),
  period: z.object({ start: z.string(), end: z.string() }),
  sha256: z.nullable(z.string()),
});
const listSchema = z.object({ invoices: z.array(invoiceSchema) });
const registerSchema = z.object({
  documents: z.array(
    z.object({ number: z.string(), id: z.string(), account: z.string(), issuedAt: z.string() }),
  ),
});
const usageSchema = z.object({ usage: z.array(z.object({ requests: z.number() })) });
const billingSchema = z.object({
  segments: z.array(z.object({ usage: z.array(z.object({ requests: z.number() })) })),
});

async function admin<T>({ url }: Product, path: string, schema: z.ZodMiniType<T>): Promise<T> {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await request(new URL(`/api/v1/admin${path}`, url), { headers });
  expect([path, answer.status]).toEqual([path, 200]);
  return schema.parse(answer.json());
}

/** Uses the accounts and looks at their invoices, which closes what is due, until the product dies. */
async function use({ url, run }: Product, keys: readonly string[]): Promise<void> {
  await Promise.all(
    ACCOUNTS.map(async (id, i) => {
      while (run.exit === null) {
        await request(new URL("/identify", url), { headers: { "X-API-Key": keys[i] ?? "" } }).catch(
          () => null,
        );
        const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
        await request(new URL(`/api/v1/admin/accounts/${id}/invoices`, url), { headers }).catch(() => null);
      }
    }),
  );
}

it(
  "gives one invoice per period, numbers 1 to n, dates that never fall and the ledger's sums across ten kills",
  { timeout: 300_000 },
  async ({ annotate }) => {
    const port = await freePort();
    product = await startProduct(checkout, { port });
    await publishPolicy(product, { tiers: TIERS, billing: { currency: "USD", reviewMinutes: 0 } });
    const keys: string[] = [];
    for (const id of ACCOUNTS) keys.push(await newAccount(product, id, "pro"));
    await product.run.stop();

    let clockOffsetMs = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      // To the next period's end, and to the end of the review of its drafts.
      clockOffsetMs += kill % 2 === 0 ? 32 * DAY_MS : REVIEW_MS;
      product = await startProduct(checkout, { port, clockOffsetMs });
      const using = use(product, keys);
      // From the first writes of a close to after all of them.
      await setTimeout(20 + 60 * kill);
      await product.run.kill();
      await using;
    }

    product = await startProduct(checkout, { port, clockOffsetMs: clockOffsetMs + REVIEW_MS });
    const running = product;
    const lists = await eventually(60_000, "all invoices have numbers", async () => {
      const found = [];
      for (const id of ACCOUNTS)
        found.push((await admin(running, `/accounts/${id}/invoices`, listSchema)).invoices);
      return found.flat().every(({ number, status }) => number !== null || status === "draft") &&
        found.every((invoices) => invoices.length >= KILLS / 2 && invoices.every(({ number }) => number))
        ? found
        : null;
    });

    const { documents } = await admin(running, "/billing/invoices?limit=100", registerSchema);
    const listed = documents.toReversed();
    expect(listed.map(({ number }) => number)).toEqual(
      listed.map((_document, i) => `INV-${String(i + 1).padStart(6, "0")}`),
    );
    expect(new Set(listed.map(({ id }) => id)).size).toBe(listed.length);
    expect(listed.map(({ issuedAt }) => issuedAt)).toEqual(listed.map(({ issuedAt }) => issuedAt).toSorted());
    // The demo accounts have invoices too.
    const own = listed.filter(({ account }) => ACCOUNTS.includes(account));
    expect(own).toHaveLength(lists.flat().length);

    for (const [i, id] of ACCOUNTS.entries()) {
      const invoices = lists[i]!.toReversed();
      // Each period follows the one before, and has one invoice.
      for (const [n, { period }] of invoices.entries()) {
        if (n > 0) expect(period.start).toBe(invoices[n - 1]!.period.end);
      }
      let billed = 0;
      for (const { id: invoice, number, sha256 } of invoices) {
        const path = `/accounts/${id}/invoices/${encodeURIComponent(invoice)}`;
        const { document } = await admin(running, path, z.object({ document: z.unknown() }));
        const text = writeDocument(readDocument(JSON.stringify(document)));
        expect(writeDocument(rateAgain(readDocument(text)))).toBe(text);
        const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
        expect(Buffer.from(bytes).toString("hex")).toBe(sha256);
        expect(listed.find((one) => one.id === invoice)?.number).toBe(number);
        for (const { usage } of readDocument(text).segments) for (const { count } of usage) billed += count;
      }
      const { segments } = await admin(running, `/accounts/${id}/billing`, billingSchema);
      for (const { usage } of segments) for (const { requests } of usage) billed += requests;
      const far = "from=2020-01-01&to=2100-01-01&granularity=month";
      const { usage } = await admin(running, `/accounts/${id}/usage?${far}`, usageSchema);
      expect(billed).toBe(usage.reduce((sum, { requests }) => sum + requests, 0));
      expect(billed).toBeGreaterThan(0);
    }
    await annotate(`${listed.length} invoices of ${ACCOUNTS.length} accounts`);
  },
);
