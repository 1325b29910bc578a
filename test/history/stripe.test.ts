/**
 * An account's invoices at Stripe: the real object on a simulated disk, and a stateful fake of Stripe (test/fixtures/stripe-fake.ts), by one
 * clock. Calls are lost before and after they are made, the object dies between any two, totals differ, and events come as they like.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { InvoiceChangeAnswer, InvoiceView } from "../../src/objects/invoices.ts";
import { FAKE_SECRET_KEY, StripeFake } from "../fixtures/stripe-fake.ts";
import { remainingOf, totalOf } from "../fixtures/stripe-fake-invoices.ts";
import { type BilledUser, OPERATOR, stopTime } from "./billed-user.ts";
import { account, policy, statuses } from "./closed-user.ts";

const ID = "ann.20260101";
const DRAFTED = "2026-02-01T02:10:00Z";
const ISSUED = "2026-02-01T04:00:00Z";
const VARIABLES = { STRIPE_SECRET_KEY: FAKE_SECRET_KEY, STRIPE_API_URL: "http://127.0.0.1:1" };

stopTime();
let stripe = new StripeFake(() => Date.now());
beforeAll(() => {
  vi.stubGlobal("fetch", (input: string, init: RequestInit) => stripe.fetch(new Request(input, init)));
});
afterAll(() => void vi.unstubAllGlobals());
beforeEach(() => {
  stripe = new StripeFake(() => Date.now());
});

function viewOf(answer: InvoiceChangeAnswer): InvoiceView {
  if (answer.kind !== "invoice") throw new Error(JSON.stringify(answer));
  return answer.invoice;
}
const view = async (user: BilledUser, id = ID) => viewOf(await user.object.invoice(id));
const report = (user: BilledUser, hasFailed = false) =>
  user.object.stripeReport({ invoice: ID, stripeId: stripe.onlyInvoice.id, hasFailed });
/** Lets the object do what is due, and some more. */
const settle = (user: BilledUser) => user.passUntil(new Date(user.nowMs + 60_000).toISOString());
const stripeAccount = (document = policy()) => account(document, { variables: VARIABLES });

/** The calls that make an invoice there, in their order. */
const STEPS = [
  "GET customers/search",
  "POST customers",
  "POST invoices",
  "POST invoices/:id/add_lines",
  "GET invoices/:id",
  "POST invoices/:id/finalize",
  "GET invoices/:id",
];

describe("an invoice", () => {
  it("comes to Stripe once, with our number, our lines and an equal total, and is final there", async () => {
    const user = await stripeAccount();
    await user.use("/a", 200);
    await user.passUntil(ISSUED);
    expect(stripe.calls).toEqual(STEPS);
    const { onlyInvoice: there } = stripe;
    expect(there).toMatchObject({
      number: "INV-000001",
      currency: "usd",
      status: "open",
      autoAdvance: true,
      collection: "send_invoice",
      metadata: { edge_limiter_account: "ann", edge_limiter_invoice: ID },
    });
    expect(totalOf(there)).toBe(3_200);
    const url = `https://invoice.example/${there.id}`;
    const invoice = await view(user);
    expect(invoice).toMatchObject({
      status: "issued",
      open: "32.00",
      stripe: { id: there.id, step: "open", status: "open", url, error: null },
    });
    expect(there.lines.map(({ amount }) => amount)).toEqual([3_100, 100]);
    expect(there.lines[1]?.description).toContain("(100 × 0.01)");
  });

  it("carries the same key of idempotency for each repetition of a step", async () => {
    const user = await stripeAccount();
    stripe.faults.push(
      { call: "POST invoices", fault: "lost" },
      { call: "POST invoices", fault: 503 },
      { call: "POST invoices/:id/finalize", fault: "refused" },
      { call: "POST invoices/:id/finalize", fault: 429 },
    );
    await user.passUntil(ISSUED);
    expect([...new Set(stripe.keys)]).toEqual(
      ["customer", "invoice", "lines", "finalize"].map((step) => `${ID}:${step}`),
    );
    expect(stripe.onlyInvoice.status).toBe("open");
  });

  it.each(
    STEPS.flatMap((call) =>
      (["refused", "lost", 500, 429, 401, 409] as const).map((fault) => [call, fault] as const),
    ),
  )("is there once, and final, if %s is answered with %s, and the object dies then", async (call, fault) => {
    const user = await stripeAccount();
    stripe.faults.push({ call, fault });
    await user.passUntil(ISSUED, () => user.crash());
    expect(stripe.onlyInvoice).toMatchObject({ status: "open", number: "INV-000001" });
    expect(stripe.customers.size).toBe(1);
    expect(totalOf(stripe.onlyInvoice)).toBe(3_100);
    expect((await view(user)).stripe).toMatchObject({ status: "open", error: null });
  });

  it.each(STEPS.filter((call) => call.startsWith("POST")))(
    "is there once if the answer to %s is lost, and Stripe is away until it has forgotten the key",
    async (call) => {
      const user = await stripeAccount();
      await user.passUntil(DRAFTED);
      stripe.faults.push({ call, fault: "lost" });
      viewOf(await user.object.finalizeInvoice(ID, OPERATOR));
      while (stripe.faults.length > 0) await user.passUntil(new Date(user.nowMs + 1_000).toISOString());
      stripe.isAway = true;
      await user.passUntil(new Date(user.nowMs + 25 * 3_600_000).toISOString());
      stripe.isAway = false;
      await user.passUntil(new Date(user.nowMs + 600_000).toISOString());
      expect(stripe.onlyInvoice.status).toBe("open");
      expect(stripe.customers.size).toBe(1);
      expect(totalOf(stripe.onlyInvoice)).toBe(3_100);
    },
  );

  it("is made after a day, by search and another key, if Stripe saves the failure of an endpoint under the first", async () => {
    const user = await stripeAccount();
    stripe.faults.push({ call: "POST invoices", fault: "saved-500" });
    await user.passUntil(ISSUED);
    expect(stripe.invoices.all).toEqual([]);
    await user.passUntil("2026-02-02T06:00:00Z");
    expect(stripe.onlyInvoice.status).toBe("open");
  });

  it("is found if its key was used with other parameters, as by an older version", async () => {
    const user = await stripeAccount();
    await user.passUntil(DRAFTED);
    const customer = stripe.addCustomer({ metadata: { edge_limiter_account: "ann" } });
    const form = `customer=${customer}&number=INV-000001&currency=usd&collection_method=charge_automatically`;
    await stripe.fetch(
      new Request("http://127.0.0.1:1/v1/invoices", {
        method: "POST",
        headers: {
          Authorization: `Bearer ${FAKE_SECRET_KEY}`,
          "Stripe-Version": "1",
          "Idempotency-Key": `${ID}:invoice`,
        },
        body: `${form}&metadata[edge_limiter_invoice]=${ID}`,
      }),
    );
    await user.passUntil(ISSUED);
    expect(stripe.onlyInvoice.status).toBe("open");
    expect(stripe.keys.slice(-2)).toEqual([`${ID}:lines:1`, `${ID}:finalize:1`]);
  });

  it("has taxes and the credits that paid a part of it as lines", async () => {
    const taxes = [{ country: "DE", name: "VAT", percent: "20" }];
    const user = await stripeAccount(policy("31", { taxes }));
    await user.object.changeBilling(
      { customer: { country: "DE", email: "a@b.example" } },
      user.revision,
      OPERATOR,
    );
    const credit = { id: "c1", kind: "paid", amount: "30", currency: null, effectiveMs: null } as const;
    await user.object.addCredit({ ...credit, expiresMs: null, source: "p" }, user.revision, OPERATOR);
    await user.passUntil(DRAFTED);
    await user.object.adjustInvoice(ID, [{ description: "discount", amount: "-1" }], null, OPERATOR);
    await user.passUntil(ISSUED);
    expect(stripe.onlyInvoice.lines.map(({ description, amount }) => [description, amount])).toEqual([
      ["pro: base fee, 2026-01-01 until 2026-02-01", 3_100],
      ["discount", -100],
      ["VAT 20 %", 600],
      ["Prepaid credit", -3_000],
    ]);
    const [customer] = stripe.customers.values();
    expect(customer?.fields).toMatchObject({ email: "a@b.example", address: { country: "DE" } });
  });

  it("that credits have paid, or that has no number, does not come to Stripe", async () => {
    const user = await stripeAccount();
    const credit = { id: "c1", kind: "paid", amount: "100", currency: null, effectiveMs: null } as const;
    await user.object.addCredit({ ...credit, expiresMs: null, source: "p" }, user.revision, OPERATOR);
    await user.passUntil(ISSUED);
    expect(statuses(user)).toEqual([["paid", "INV-000001", "3100"]]);
    expect(stripe.calls).toEqual([]);
    expect((await view(user)).stripe).toBeNull();
  });

  it("comes to nothing but a number without the secret key, and to Stripe once an operator asks for it", async () => {
    const user = await account(policy());
    await user.passUntil(ISSUED);
    expect(stripe.calls).toEqual([]);
    expect(await user.object.sendToStripe(ID, OPERATOR)).toEqual({ kind: "no-stripe" });
    const later = await stripeAccount();
    expect(await later.object.sendToStripe(ID, OPERATOR)).toEqual({ kind: "no-invoice" });
  });

  it("in yen is not a hundred times as much (lago-api#643), and one in dinars is as exact as Stripe takes it", async () => {
    const yen = await stripeAccount(policy("3100", { currency: "JPY" }));
    await yen.passUntil(ISSUED);
    expect([totalOf(stripe.onlyInvoice), stripe.onlyInvoice.currency]).toEqual([3_100, "jpy"]);
    stripe = new StripeFake(() => Date.now());
    const dinars = await stripeAccount(policy("1.235", { currency: "BHD" }));
    await dinars.passUntil(ISSUED);
    expect((await view(dinars)).stripe?.error?.kind).toBe("amount");
    expect(stripe.calls).toEqual([]);
    const even = await stripeAccount(policy("1.230", { currency: "BHD" }));
    await even.passUntil(ISSUED);
    expect([totalOf(stripe.onlyInvoice), stripe.onlyInvoice.status]).toEqual([1_230, "open"]);
  });
});

describe("a total that differs", () => {
  /** Somebody at Stripe adds a line before we compare. */
  const meddle = (amount: number) => {
    stripe.held = async (call, when) => {
      const [there] = stripe.invoices.all;
      if (call === "POST invoices/:id/add_lines" && when === "after") {
        there?.lines.push({ description: "fee", amount, metadata: {} });
      }
    };
  };

  it("leaves a draft, is shown and tried again by an operator", async () => {
    const user = await stripeAccount();
    meddle(500);
    await user.passUntil(ISSUED);
    expect(stripe.onlyInvoice.status).toBe("draft");
    const { error } = (await view(user)).stripe ?? {};
    expect(error).toEqual({
      kind: "total_differs",
      detail: "Stripe's total is 3600 USD, and 3100 USD is due",
    });
    const calls = stripe.calls.length;
    await user.passUntil("2026-02-10T00:00:00Z");
    expect(stripe.calls).toHaveLength(calls);
    stripe.onlyInvoice.lines.pop();
    const call = { ...OPERATOR, callId: "retry", fingerprint: "a" };
    viewOf(await user.object.sendToStripe(ID, call));
    await settle(user);
    expect(stripe.onlyInvoice.status).toBe("open");
    expect((await view(user)).stripe).toMatchObject({ status: "open", error: null });
    const made = stripe.calls.length;
    viewOf(await user.object.sendToStripe(ID, call));
    await settle(user);
    expect(stripe.calls).toHaveLength(made);
    const other = await user.object.sendToStripe(ID, { ...call, fingerprint: "b" });
    expect(other).toEqual({ kind: "call-differs" });
  });

  it("does not hold up the next invoice", async () => {
    const user = await stripeAccount();
    meddle(1);
    await user.passUntil(ISSUED);
    stripe.held = async () => undefined;
    await user.passUntil("2026-03-01T04:00:00Z");
    expect(stripe.invoices.all.map(({ status, number }) => [number, status])).toEqual([
      ["INV-000001", "draft"],
      ["INV-000002", "open"],
    ]);
  });

  it("is never taken for paid, although the draft was finalized and paid at Stripe", async () => {
    const user = await stripeAccount();
    meddle(-3_000);
    await user.passUntil(ISSUED);
    stripe.onlyInvoice.status = "open";
    stripe.invoices.pay(stripe.onlyInvoice);
    await report(user);
    await settle(user);
    viewOf(await user.object.sendToStripe(ID, OPERATOR));
    await settle(user);
    const invoice = await view(user);
    expect([invoice.status, invoice.stripe?.error?.kind]).toEqual(["issued", "total_differs"]);
  });

  it("of an invoice that was final is shown, and its status is not taken over", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    stripe.onlyInvoice.lines.push({ description: "rounding", amount: -1, metadata: {} });
    stripe.invoices.pay(stripe.onlyInvoice);
    await report(user);
    await settle(user);
    const invoice = await view(user);
    expect([invoice.status, invoice.stripe?.error?.kind]).toEqual(["issued", "total_differs"]);
  });

  it("whose invoice is voided here deletes the draft there", async () => {
    const user = await stripeAccount();
    meddle(1);
    await user.passUntil(ISSUED);
    viewOf(await user.object.endInvoice(ID, "void", OPERATOR));
    await settle(user);
    expect(stripe.invoices.all).toEqual([]);
    expect((await view(user)).stripe).toMatchObject({ id: null, error: null });
  });
});

describe("Stripe's rejection", () => {
  it("is shown, holds up nothing, and is tried again with other keys by an operator", async () => {
    const user = await stripeAccount();
    stripe.addCustomer({});
    stripe.faults.push({ call: "POST invoices/:id/add_lines", fault: 400 });
    await user.passUntil(ISSUED);
    expect((await view(user)).stripe?.error).toEqual({ kind: "rejected", detail: "lines: a fault" });
    await user.passUntil("2026-02-05T00:00:00Z");
    expect(stripe.onlyInvoice.status).toBe("draft");
    viewOf(await user.object.sendToStripe(ID, OPERATOR));
    await settle(user);
    expect([stripe.onlyInvoice.status, totalOf(stripe.onlyInvoice)]).toEqual(["open", 3_100]);
    expect(stripe.keys.at(-1)).toBe(`${ID}:finalize:1`);
  });

  it("of a deleted customer makes another one", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    for (const customer of stripe.customers.values()) customer.deleted = true;
    await user.passUntil("2026-03-01T04:00:00Z");
    expect(stripe.invoices.all.map(({ status, customer }) => [status, customer])).toEqual([
      ["open", "cus_1"],
      ["open", "cus_3"],
    ]);
  });

  it("of a deleted draft says that it is missing, and an operator has another one made", async () => {
    const user = await stripeAccount();
    stripe.held = async (call, when) => {
      if (call !== "POST invoices/:id/add_lines" || when === "before") return;
      stripe.invoices.dispatch("DELETE", "invoices", stripe.onlyInvoice.id, "", {}, new URLSearchParams());
    };
    await user.passUntil(ISSUED);
    expect((await view(user)).stripe?.error?.kind).toBe("missing");
    stripe.held = async () => undefined;
    viewOf(await user.object.sendToStripe(ID, OPERATOR));
    await settle(user);
    expect(stripe.onlyInvoice).toMatchObject({ status: "open", number: "INV-000001" });
    expect(totalOf(stripe.onlyInvoice)).toBe(3_100);
    expect(stripe.customers.size).toBe(1);
  });
});

describe("a search of an invoice that may be there", () => {
  it("looks through all invoices of the customer", async () => {
    const user = await stripeAccount();
    await user.passUntil("2026-05-01T04:00:00Z");
    expect(stripe.invoices.all).toHaveLength(4);
    stripe.faults.push({ call: "POST invoices", fault: "lost" });
    // After the answer was lost, somebody makes others: what is wanted is on the second page.
    stripe.held = async (call, when) => {
      if (call !== "POST invoices" || when === "before") return;
      stripe.held = async () => undefined;
      stripe.isAway = true;
      for (const number of ["X-1", "X-2", "X-3"]) {
        const form = { customer: "cus_1", number, collection_method: "charge_automatically" };
        stripe.invoices.dispatch("POST", "invoices", "", "", form, new URLSearchParams());
      }
    };
    await user.passUntil("2026-06-02T06:00:00Z");
    stripe.isAway = false;
    await user.passUntil("2026-06-02T07:00:00Z");
    const own = stripe.invoices.all.filter(({ number }) => number.startsWith("INV"));
    expect(own.map(({ status, number }) => [number, status]).slice(-1)).toEqual([["INV-000005", "open"]]);
    expect(own).toHaveLength(5);
  });
});

describe("a customer", () => {
  it("that is marked at Stripe is used, charged if it has a payment method, and not overwritten", async () => {
    const own = { name: "Ann's own", metadata: { edge_limiter_account: "ann" } };
    const id = stripe.addCustomer(own, true);
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    expect(stripe.onlyInvoice).toMatchObject({ customer: id, collection: "charge_automatically" });
    expect(stripe.customers.get(id)?.fields).toEqual(own);
    await user.object.changeBilling({ customer: { name: "Ann Ltd" } }, user.revision, OPERATOR);
    await user.passUntil("2026-03-01T04:00:00Z");
    expect(stripe.customers.get(id)?.fields["name"]).toBe("Ann Ltd");
    expect(stripe.customers.size).toBe(1);
  });
});

it("the erasure of an account leaves no detail of its customer, nor a text of Stripe", async () => {
  const user = await stripeAccount();
  const customer = { name: "Ann Example", email: "ann@example.com" };
  await user.object.changeBilling({ customer }, user.revision, OPERATOR);
  await user.passUntil(ISSUED);
  stripe.faults.push({ call: "POST invoices", fault: 400 });
  await user.passUntil("2026-03-01T04:00:00Z");
  const rows = () => JSON.stringify(user.disk.exec("SELECT * FROM stripe", []));
  expect(rows()).toContain("a fault");
  expect(rows()).not.toMatch(/Ann Example|ann@example/);
  await user.object.eraseAccount(OPERATOR);
  expect(rows()).toContain("cus_1");
  expect(rows()).not.toMatch(/a fault|[0-9a-f]{64}/);
  expect((await view(user, "ann.20260201")).stripe?.error).toEqual({ kind: "rejected", detail: "" });
});

describe("a status at Stripe", () => {
  it("is taken over: paid, with its time", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    stripe.invoices.pay(stripe.onlyInvoice);
    const { nowMs } = user;
    expect(await report(user)).toBe(true);
    await settle(user);
    expect(await view(user)).toMatchObject({ status: "paid", open: "0.00", paidMs: nowMs });
    expect(user.registers.documents().map(({ status }) => status)).toEqual(["paid"]);
    expect(stripe.onlyInvoice.isPaidOutOfBand).toBe(false);
  });

  it.each(["void", "uncollectible"] as const)("is taken over: %s", async (status) => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    stripe.invoices.set(stripe.onlyInvoice, status);
    await report(user);
    await settle(user);
    expect((await view(user)).status).toBe(status);
  });

  it("of a failed payment is past due, blocks if the policy says so, and the payment lifts that", async () => {
    const user = await stripeAccount(policy("31", { blockPastDue: true }));
    await user.passUntil(ISSUED);
    await report(user, true);
    await settle(user);
    expect((await view(user)).status).toBe("past_due");
    expect((await user.ask("/a", 1)).decision.outcome).toBe("overdue");
    stripe.invoices.pay(stripe.onlyInvoice);
    await report(user);
    await settle(user);
    expect((await view(user)).status).toBe("paid");
    expect(await user.use("/a", 1)).toBe(true);
  });

  it("is the last one, whatever the order of events, and however often they come: langfuse#16292, theanswer#624", async () => {
    const orders = [
      [false, true],
      [true, false],
      [true, true, false, false, true],
    ];
    for (const order of orders) {
      stripe = new StripeFake(() => Date.now());
      const user = await stripeAccount();
      await user.passUntil(ISSUED);
      stripe.invoices.fail(stripe.onlyInvoice);
      stripe.invoices.pay(stripe.onlyInvoice);
      // Both events are late: each only says that the invoice is to be fetched.
      await Promise.all(order.map((hasFailed) => report(user, hasFailed)));
      await settle(user);
      expect((await view(user)).status).toBe("paid");
      await report(user, true);
      await settle(user);
      expect((await view(user)).status).toBe("paid");
    }
  });

  it("is found by itself when the invoice is due, if every event was lost", async () => {
    const user = await stripeAccount(policy("31", { dueDays: 3 }));
    await user.passUntil(ISSUED);
    stripe.invoices.pay(stripe.onlyInvoice);
    await user.passUntil("2026-02-05T00:00:00Z");
    expect((await view(user)).status).toBe("paid");
  });

  it("is fetched again if it changes while it is fetched", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    let isFirst = true;
    stripe.held = async (call, when) => {
      if (call !== "GET invoices/:id" || when === "before" || !isFirst) return;
      isFirst = false;
      stripe.invoices.pay(stripe.onlyInvoice);
      await report(user);
    };
    await report(user);
    await settle(user);
    expect((await view(user)).status).toBe("paid");
  });

  it("of a payment that fails while the invoice is fetched is past due", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    stripe.held = async (call, when) => {
      if (call !== "GET invoices/:id" || when === "before") return;
      stripe.held = async () => undefined;
      await report(user, true);
    };
    await report(user);
    await settle(user);
    expect((await view(user)).status).toBe("past_due");
  });

  it("is not what a late answer says of an attempt that an operator has given up", async () => {
    const user = await stripeAccount();
    await user.passUntil(DRAFTED);
    stripe.held = async (call, when) => {
      if (call !== "POST invoices" || when === "before") return;
      stripe.held = async () => undefined;
      viewOf(await user.object.sendToStripe(ID, OPERATOR));
    };
    await user.passUntil(ISSUED);
    expect(stripe.onlyInvoice.status).toBe("open");
    expect(stripe.keys.slice(-2)).toEqual([`${ID}:lines:1`, `${ID}:finalize:1`]);
  });

  it("of an invoice that is none of the account's is ignored", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    const calls = stripe.calls.length;
    const unknown = { invoice: ID, stripeId: "in_other", hasFailed: true };
    expect(await user.object.stripeReport(unknown)).toBe(false);
    expect(await user.object.stripeReport({ ...unknown, invoice: "ann.20200101" })).toBe(false);
    await settle(user);
    expect(stripe.calls).toHaveLength(calls);
  });
});

describe("what is done here", () => {
  it("is done at Stripe: marked as paid, void, uncollectible", async () => {
    const user = await stripeAccount();
    await user.passUntil("2026-04-01T04:00:00Z");
    const [paid, cancelled, lost] = ["ann.20260101", "ann.20260201", "ann.20260301"];
    viewOf(await user.object.payInvoice(paid ?? "", OPERATOR));
    viewOf(await user.object.endInvoice(cancelled ?? "", "void", OPERATOR));
    viewOf(await user.object.endInvoice(lost ?? "", "uncollectible", OPERATOR));
    await settle(user);
    expect(stripe.invoices.all.map(({ status, isPaidOutOfBand }) => [status, isPaidOutOfBand])).toEqual([
      ["paid", true],
      ["void", false],
      ["uncollectible", false],
    ]);
    viewOf(await user.object.payInvoice(lost ?? "", OPERATOR));
    await settle(user);
    expect(stripe.invoices.all[2]?.status).toBe("paid");
  });

  it("and otherwise there needs an operator: paid there, void here", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    stripe.invoices.pay(stripe.onlyInvoice);
    viewOf(await user.object.endInvoice(ID, "void", OPERATOR));
    await settle(user);
    const invoice = await view(user);
    expect([invoice.status, invoice.stripe?.error]).toEqual([
      "void",
      { kind: "conflict", detail: "it is paid at Stripe, and void here" },
    ]);
  });

  it("with a credit note leaves as much to pay there as here, to the cent (lago-api#2643), and with all of it, nothing", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    stripe.faults.push({ call: "POST credit_notes", fault: "lost" });
    await user.object.creditInvoice(ID, [{ line: 0, amount: "1.01" }], OPERATOR);
    await user.object.creditInvoice(ID, [{ line: 0, amount: "2" }], OPERATOR);
    await settle(user);
    expect(stripe.invoices.creditNotes.map(({ amount }) => amount)).toEqual([101, 200]);
    expect(remainingOf(stripe.onlyInvoice)).toBe(2_799);
    expect((await view(user)).open).toBe("27.99");
    await user.object.creditInvoice(ID, [{ line: 0, amount: "27.99" }], OPERATOR);
    await settle(user);
    expect(stripe.onlyInvoice).toMatchObject({ status: "paid", isPaidOutOfBand: false });
    expect((await view(user)).status).toBe("paid");
  });

  it("and has no number yet, a credit note of all of it, is not taken for a payment", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    user.registers.fateOf = () => "lost";
    await user.object.creditInvoice(ID, [{ line: 0, amount: "31" }], OPERATOR);
    expect((await view(user)).status).toBe("paid");
    await settle(user);
    expect(stripe.onlyInvoice.status).toBe("open");
    user.registers.fateOf = () => "through";
    await user.passUntil(new Date(user.nowMs + 600_000).toISOString());
    expect(stripe.onlyInvoice).toMatchObject({ status: "paid", isPaidOutOfBand: false });
    expect(stripe.invoices.creditNotes.map(({ amount }) => amount)).toEqual([3_100]);
  });

  it("keeps Stripe's invoice unpaid for a credit note of nothing that is left", async () => {
    const user = await stripeAccount();
    await user.passUntil(ISSUED);
    stripe.invoices.pay(stripe.onlyInvoice);
    await report(user);
    await settle(user);
    await user.object.creditInvoice(ID, [{ line: 0, amount: "5" }], OPERATOR);
    await settle(user);
    expect(stripe.invoices.creditNotes).toEqual([]);
    expect((await view(user)).stripe?.error).toBeNull();
  });
});

describe("a Stripe that is away", () => {
  it("is not asked more often because the account changes, or its alarm has other work", async () => {
    const user = await stripeAccount();
    await user.passUntil(DRAFTED);
    stripe.isAway = true;
    viewOf(await user.object.finalizeInvoice(ID, OPERATOR));
    let tries = 0;
    stripe.held = async (_call, when) => void (tries += when === "before" ? 1 : 0);
    for (let second = 0; second < 1_800; second++) {
      user.later(1_000);
      if (!(await user.ring())) await user.object.alarm();
      if (second % 60 === 0) await user.object.changeBilling({ budget: null }, user.revision, OPERATOR);
    }
    // After 2 s, then after twice as long each time, at most five minutes.
    expect(tries).toBeGreaterThan(8);
    expect(tries).toBeLessThan(16);
  });
});

describe("a slow Stripe", () => {
  it("holds up neither a change of the account nor the register", async () => {
    const user = await stripeAccount();
    await user.passUntil(DRAFTED);
    stripe.held = () => new Promise(() => undefined);
    const final = viewOf(await user.object.finalizeInvoice(ID, OPERATOR));
    expect(final.status).toBe("issued");
  });
});
