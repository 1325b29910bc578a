/**
 * An account's month from its first request to a paid invoice at Stripe, with `kill -9` of the whole product before and after each call that
 * it makes there: Stripe has made what it was asked for and nobody has heard of it, or the product has stored it and asks for the next.
 * Once, a day passes in between, after which Stripe has forgotten the keys of idempotency.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Stripe } from "stripe";
import * as z from "zod/mini";
import { FAKE_SECRET_KEY, StripeFake } from "../fixtures/stripe-fake.ts";
import { totalOf } from "../fixtures/stripe-fake-invoices.ts";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "./checkout.ts";
import { request } from "./client.ts";
import { eventually, freePort, newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SECRET = "whsec_black_box";
const ACCOUNT = "ann";

const UNPRICED = { limits: [] };
const TIERS = {
  anonymous: UNPRICED,
  free: UNPRICED,
  pro: UNPRICED,
  enterprise: UNPRICED,
  partner: UNPRICED,
  // So that no kill loses usage.
  metered: {
    mode: "strict",
    durability: "exact",
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
const BILLING = { currency: "USD", reviewMinutes: 0, taxes: [{ country: "DE", name: "VAT", percent: "19" }] };

const now = new Date();
const END_MS = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 2);

/** The product's clock, which Stripe shares. */
let offsetMs = 0;
const stripe = new StripeFake(() => Date.now() + offsetMs);
const { webhooks } = new Stripe("sk_test_1");

let checkout: Checkout;
let product: Product | null = null;

beforeAll(async () => {
  const url = await stripe.listen();
  checkout = await makeCheckout({
    devVars: {
      ...LONG_DEADLINE,
      STRIPE_SECRET_KEY: FAKE_SECRET_KEY,
      STRIPE_WEBHOOK_SECRET: SECRET,
      STRIPE_API_URL: url,
    },
  });
});
afterAll(async () => {
  await product?.run.kill();
  await stripe.close();
  await checkout?.remove();
});

const listSchema = z.object({
  invoices: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      due: z.string(),
      stripe: z.nullable(z.object({ status: z.nullable(z.string()), error: z.nullable(z.unknown()) })),
    }),
  ),
});

function admin({ url }: Product, method: string, path: string, body?: object) {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return request(new URL(`/api/v1/admin/accounts/${ACCOUNT}${path}`, url), { method, headers, ...text });
}

async function invoicesOf(running: Product) {
  return listSchema.parse((await admin(running, "GET", "/invoices")).json()).invoices;
}

/** Sends an event of the fake as Stripe does. */
async function deliver(
  { url }: Product,
  { type, object }: { type: string; object: object },
): Promise<number> {
  const payload = JSON.stringify({ id: "evt_1", object: "event", type, data: { object } });
  const timestamp = Math.floor((Date.now() + offsetMs) / 1_000);
  const signature = webhooks.generateTestHeaderString({ payload, secret: SECRET, timestamp });
  const init = { method: "POST", headers: { "Stripe-Signature": signature }, body: payload };
  return (await request(new URL("/api/v1/billing/stripe", url), init)).status;
}

type When = "before" | "after";
/** Where the product is killed: the call that it makes, and whether Stripe has made it by then. `dayLater`: the next start is so late. */
interface Kill {
  readonly call: string;
  readonly when: When;
  readonly dayLater?: true;
}

const SENDING: readonly Kill[] = [
  { call: "GET customers/search", when: "before" },
  { call: "POST customers", when: "before" },
  { call: "POST customers", when: "after" },
  { call: "POST invoices", when: "before" },
  { call: "POST invoices", when: "after", dayLater: true },
  { call: "GET invoices", when: "after" },
  { call: "POST invoices/:id/add_lines", when: "before" },
  { call: "POST invoices/:id/add_lines", when: "after" },
  { call: "GET invoices/:id", when: "before" },
  { call: "POST invoices/:id/finalize", when: "before" },
  { call: "POST invoices/:id/finalize", when: "after" },
  { call: "GET invoices/:id", when: "after" },
];
/** After the customer has paid, and Stripe has said so. */
const PAYING: readonly Kill[] = [
  { call: "GET invoices/:id", when: "before" },
  { call: "GET invoices/:id", when: "after" },
];

it(
  "ends with one invoice at Stripe, its total equal, and paid on both sides, killed before and after each call",
  { timeout: 600_000 },
  async ({ annotate }) => {
    const port = await freePort();
    const startAt = (atMs: number): Promise<Product> => {
      offsetMs = atMs - Date.now();
      return startProduct(checkout, { port, clockOffsetMs: offsetMs });
    };
    product = await startAt(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 15));
    await publishPolicy(product, { tiers: TIERS, billing: BILLING });
    const key = await newAccount(product, ACCOUNT, "metered");
    const use = ({ url }: Product) => request(new URL("/identify", url), { headers: { "X-API-Key": key } });
    for (let n = 0; n < 12; n++) expect((await use(product)).status).toBe(200);
    const customer = { name: "Ann GmbH", email: "ann@example.com", country: "DE" };
    expect((await admin(product, "PATCH", "/billing", { customer })).status).toBe(200);
    await product.run.stop();

    let atMs = END_MS + 5 * HOUR_MS;
    /** Starts the product, lets it make the call, and kills it there. @param act what leads to it, after a request of the account. */
    const killAt = async ({ call, when, dayLater }: Kill, act: (running: Product) => Promise<unknown>) => {
      const held = new Promise<void>((done) => {
        stripe.held = async (made, moment) => {
          if (made !== call || moment !== when) return;
          done();
          await new Promise(() => undefined);
        };
      });
      const running = await startAt(atMs);
      product = running;
      expect((await use(running)).status).toBe(200);
      const acting = act(running).catch(() => null);
      const timeout = new Promise((_done, fail) => {
        setTimeout(() => fail(new Error(`no ${when} ${call}: ${stripe.calls.join(", ")}`)), 40_000).unref();
      });
      await Promise.race([held, timeout]);
      await running.run.kill();
      await acting;
      stripe.held = async () => undefined;
      atMs += dayLater ? 25 * HOUR_MS : 10 * MINUTE_MS;
    };
    const finalize = async (running: Product): Promise<void> => {
      for (const { id, status } of await invoicesOf(running)) {
        if (status === "draft") await admin(running, "POST", `/invoices/${id}/finalize`, {});
      }
    };
    for (const kill of SENDING) await killAt(kill, finalize);

    expect(stripe.onlyInvoice.status).toBe("open");
    stripe.invoices.fail(stripe.onlyInvoice);
    stripe.invoices.pay(stripe.onlyInvoice);
    const events = stripe.events.filter(({ type }) => type !== "invoice.created");
    // Doubled and in the wrong order: a failed payment comes last.
    const sent = [...events.toReversed(), ...events];
    for (const kill of PAYING) {
      await killAt(kill, async (running) => {
        for (const event of sent) expect(await deliver(running, event)).toBe(200);
      });
    }

    const running = await startAt(atMs);
    product = running;
    expect((await use(running)).status).toBe(200);
    const [invoice, ...others] = await eventually(20_000, "the invoice is paid", async () => {
      const found = await invoicesOf(running);
      return found.every(({ status }) => status === "paid") ? found : null;
    });
    expect(others).toEqual([]);
    // 31.00 for the second half of a month, and what is beyond its share of 5 requests, with tax.
    expect(totalOf(stripe.onlyInvoice)).toBe(Number(invoice?.due.replace(".", "")));
    expect(totalOf(stripe.onlyInvoice)).toBeGreaterThan(1_500);
    expect(invoice?.stripe).toEqual({ status: "paid", error: null });
    expect(stripe.onlyInvoice).toMatchObject({
      status: "paid",
      isPaidOutOfBand: false,
      number: "INV-000001",
    });
    expect(stripe.customers.size).toBe(1);
    await annotate(`killed ${SENDING.length + PAYING.length} times; ${stripe.calls.length} calls arrived`);
  },
);
