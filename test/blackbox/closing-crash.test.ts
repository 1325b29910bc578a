/**
 * `kill -9` of the whole product after each step of closing billing periods (scripts/closing-steps.ts), as months pass: by a clock that is
 * further ahead with each start. The product stands still right after the step, so the kill falls between it and the next one.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod/mini";
import { CLOSING_STEPS, type ClosingStep, stoppedLine, stopText } from "../../scripts/closing-steps.ts";
import { rateAgain } from "../../src/billing/draft-invoice.ts";
import { readDocument, writeDocument } from "../../src/objects/invoice.ts";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "./checkout.ts";
import { type Answer, request } from "./client.ts";
import {
  eventually,
  freePort,
  newAccount,
  type Product,
  publishPolicy,
  Run,
  startProduct,
} from "./product.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Each in a tier of its own name. The demo's accounts are in others, which have no price. */
const ACCOUNTS = ["ann", "bob", "eve"] as const;
type AccountName = (typeof ACCOUNTS)[number];

const UNPRICED = { limits: [] };
/** So that no kill loses usage, and the sums are known. */
const priced = (base: string) => ({
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
  plan: { base },
});
const TIERS = {
  anonymous: UNPRICED,
  free: UNPRICED,
  pro: UNPRICED,
  enterprise: UNPRICED,
  partner: UNPRICED,
  metered: priced("31"),
  // Two months come to more than carryBelow.
  small: priced("0.31"),
};
const TIER_OF = { ann: "metered", bob: "metered", eve: "small" } as const;
const BILLING = { currency: "USD", reviewMinutes: 60, dueDays: 1, carryBelow: "0.50" };

/** The period under test ends then: that of the month after the next, so that no clock need go back. */
const now = new Date();
const END_MS = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 2);
const NEXT_END_MS = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 3);

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
  open: z.string(),
  period: z.object({ start: z.string(), end: z.string() }),
  sha256: z.nullable(z.string()),
});
type Listed = z.infer<typeof invoiceSchema>;
const listSchema = z.object({ invoices: z.array(invoiceSchema) });
const registerSchema = z.object({
  documents: z.array(
    z.object({
      number: z.string(),
      id: z.string(),
      account: z.string(),
      status: z.string(),
      open: z.string(),
      issuedAt: z.string(),
    }),
  ),
});
const usageSchema = z.object({ usage: z.array(z.object({ requests: z.number() })) });
const billingSchema = z.object({
  segments: z.array(z.object({ usage: z.array(z.object({ requests: z.number() })) })),
});

/** Calls a path below `/api/v1/admin`. */
function admin({ url }: Product, method: string, path: string, body?: object) {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return request(new URL(`/api/v1/admin${path}`, url), { method, headers, ...text });
}

async function get<T>(running: Product, path: string, schema: z.ZodMiniType<T>): Promise<T> {
  const answer = await admin(running, "GET", path);
  expect([path, answer.status]).toEqual([path, 200]);
  return schema.parse(answer.json());
}

const keys = new Map<AccountName, string>();

/** A request of the account, after which its object does what is due. */
function use({ url }: Product, account: AccountName): Promise<Answer> {
  const headers = { "X-API-Key": keys.get(account) ?? "" };
  return request(new URL("/identify", url), { headers });
}

async function listOf(running: Product, account: AccountName): Promise<Listed[]> {
  return (await get(running, `/accounts/${account}/invoices`, listSchema)).invoices;
}

async function hasNumbers(running: Product, account: AccountName): Promise<true | null> {
  const unnumbered = (await listOf(running, account)).filter(({ status }) => status === "pending");
  return unnumbered.length === 0 || null;
}

/** When the product starts, and what is called so that the step of the account's close happens, if its alarm has not fired at once. */
interface Round {
  /** After the period's end. */
  readonly atMs: number;
  readonly account: AccountName;
  readonly act: (running: Product) => Promise<unknown>;
}

/** By a request of the account. */
function used(account: AccountName, atMs: number): Round {
  return {
    atMs,
    account,
    async act(running) {
      // Again, until the product stands still: on a busy machine, the object may miss the deadline of the first request.
      for (;;) {
        await use(running, account);
        await new Promise((done) => setTimeout(done, 2_000));
      }
    },
  };
}

/** By an operator's change of the account's first invoice, once it has a number or is a draft. */
function changed(account: AccountName, atMs: number, what: string, body: object): Round {
  return {
    atMs,
    account,
    async act(running) {
      // Closes what is due of the others, too.
      for (const each of ACCOUNTS) await listOf(running, each);
      await eventually(20_000, "the invoice has a number", () => hasNumbers(running, account));
      const invoice = (await listOf(running, account)).at(-1);
      return admin(running, "POST", `/accounts/${account}/invoices/${invoice?.id}/${what}`, body);
    },
  };
}

const FINAL_MS = 5 * HOUR_MS;
const DUE_MS = DAY_MS + 7 * HOUR_MS;

/** A round for each step, in their order, each later than the one before. */
const ROUNDS: Readonly<Record<ClosingStep, Round>> = {
  "period switched": used("ann", 10 * MINUTE_MS),
  "alarm fired": used("ann", 130 * MINUTE_MS),
  drafted: used("ann", 140 * MINUTE_MS),
  adjusted: changed("ann", 150 * MINUTE_MS, "adjustments", {
    lines: [{ description: "setup", amount: "5.00" }],
  }),
  // After the review of a draft that is made now.
  carried: used("eve", FINAL_MS),
  finalized: used("ann", FINAL_MS + 10 * MINUTE_MS),
  "user marked": used("ann", FINAL_MS + 20 * MINUTE_MS),
  "register called": used("ann", FINAL_MS + 30 * MINUTE_MS),
  "series announced": used("ann", FINAL_MS + 40 * MINUTE_MS),
  "register opened": used("ann", FINAL_MS + 50 * MINUTE_MS),
  // The commit that opened the register already numbers ann's invoice, so this step needs bob's.
  numbered: used("bob", FINAL_MS + 60 * MINUTE_MS),
  issued: used("ann", FINAL_MS + 70 * MINUTE_MS),
  "past due": used("ann", DUE_MS),
  "status registered": used("ann", DUE_MS + 10 * MINUTE_MS),
  "entry deleted": used("ann", DUE_MS + 20 * MINUTE_MS),
  "credit note made": changed("ann", DUE_MS + 30 * MINUTE_MS, "credit-notes", {
    lines: [{ line: 0, amount: "1.00" }],
    reason: "outage",
  }),
  "credit note issued": used("ann", DUE_MS + 40 * MINUTE_MS),
  paid: changed("ann", DUE_MS + 50 * MINUTE_MS, "mark-paid", { reason: "transfer" }),
  voided: changed("bob", DUE_MS + 60 * MINUTE_MS, "void", { reason: "wrong" }),
};

it(
  "gives one invoice per period, numbers 1 to n, dates that never fall and the ledger's sums, killed after each step",
  { timeout: 600_000 },
  async ({ annotate }) => {
    const port = await freePort();
    const startAt = (atMs: number): Promise<Product> =>
      startProduct(checkout, { port, clockOffsetMs: atMs - Date.now() });
    // In the middle of a month: the first period is a stub.
    product = await startAt(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 15));
    await publishPolicy(product, { tiers: TIERS, billing: BILLING });
    for (const [i, account] of ACCOUNTS.entries()) {
      keys.set(account, await newAccount(product, account, TIER_OF[account]));
      for (let n = 0; n <= 3 * i + 4; n++) expect((await use(product, account)).status).toBe(200);
    }
    await product.run.stop();

    for (const step of Object.keys(CLOSING_STEPS) as ClosingStep[]) {
      const { atMs, account, act } = ROUNDS[step];
      const stop = { account, step };
      const clockOffsetMs = END_MS + atMs - Date.now();
      const run = new Run(checkout, { port, clockOffsetMs, stopAfter: stopText(stop) });
      const stopping: Product = { run, url: new URL(`http://127.0.0.1:${port}`) };
      product = stopping;
      // A product that stands still answers nobody, and says not even that it is running.
      const acting = run
        .printed(/running at/)
        .then(() => act(stopping))
        .catch(() => null);
      await run.printed(new RegExp(stoppedLine(stop)));
      await run.kill();
      await acting;
    }

    product = await startAt(NEXT_END_MS + 3 * HOUR_MS);
    const running = product;
    for (const account of ACCOUNTS) {
      expect((await use(running, account)).status).toBe(200);
      for (const { id, status } of await listOf(running, account)) {
        if (status === "draft")
          await admin(running, "POST", `/accounts/${account}/invoices/${id}/finalize`, {});
      }
      await eventually(20_000, `${account}'s invoices have numbers`, () => hasNumbers(running, account));
    }
    const lists = new Map<AccountName, Listed[]>();
    for (const account of ACCOUNTS) lists.set(account, (await listOf(running, account)).toReversed());
    const statuses = ACCOUNTS.map((account) => lists.get(account)?.map(({ status }) => status));
    expect(statuses).toEqual([
      ["paid", "issued"],
      ["void", "issued"],
      ["carried", "issued"],
    ]);

    const registered = async (kind: string) =>
      (await get(running, `/billing/invoices?kind=${kind}`, registerSchema)).documents.toReversed();
    const [listed, notes] = [await registered("invoice"), await registered("credit_note")];
    expect(listed.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5].map((n) => `INV-00000${n}`));
    const corrected = lists.get("ann")?.[0]?.id;
    expect(notes.map(({ number, id }) => [number, id])).toEqual([["INV-CN-000001", `${corrected}.c001`]]);
    const dates = listed.map(({ issuedAt }) => issuedAt);
    expect(dates).toEqual(dates.toSorted());
    // The register lists each as its account has it.
    const numbered = [...lists].flatMap(([account, invoices]) =>
      invoices.flatMap(({ id, number, status, open }) =>
        number ? [{ account, id, number, status, open }] : [],
      ),
    );
    const shown = listed.map(({ account, id, number, status, open }) => ({
      account,
      id,
      number,
      status,
      open,
    }));
    expect(shown).toEqual(numbered.toSorted((a, b) => (a.number < b.number ? -1 : 1)));

    for (const account of ACCOUNTS) {
      const invoices = lists.get(account) ?? [];
      // Each period follows the one before, and has one invoice.
      expect(invoices.map(({ period }) => period.end)).toEqual(
        [END_MS, NEXT_END_MS].map((ms) => new Date(ms).toISOString()),
      );
      expect(invoices[1]?.period.start).toBe(invoices[0]?.period.end);
      let billed = 0;
      for (const { id, sha256 } of invoices) {
        const path = `/accounts/${account}/invoices/${id}`;
        const { document } = await get(running, path, z.object({ document: z.unknown() }));
        const text = writeDocument(readDocument(JSON.stringify(document)));
        expect(writeDocument(rateAgain(readDocument(text)))).toBe(text);
        if (sha256 !== null) expect(await sha256Of(text)).toBe(sha256);
        for (const { usage } of readDocument(text).segments) for (const { count } of usage) billed += count;
      }
      const { segments } = await get(running, `/accounts/${account}/billing`, billingSchema);
      for (const { usage } of segments) for (const { requests } of usage) billed += requests;
      const far = "from=2020-01-01&to=2100-01-01&granularity=month";
      const { usage } = await get(running, `/accounts/${account}/usage?${far}`, usageSchema);
      expect(billed).toBe(usage.reduce((sum, { requests }) => sum + requests, 0));
      expect(billed).toBeGreaterThan(5);
    }
    await annotate(`killed after ${Object.keys(CLOSING_STEPS).length} steps`);
  },
);

async function sha256Of(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Buffer.from(bytes).toString("hex");
}
