/** What an operator does with invoices: adjusting drafts, correcting, payment, past due and its block, cancelling. */
import { describe, expect, it } from "vitest";
import type { InvoiceChangeAnswer, InvoiceView } from "../../src/objects/invoices.ts";
import { type BilledUser, OPERATOR, stopTime } from "./billed-user.ts";
import { account, invoices, policy, statuses } from "./closed-user.ts";

stopTime();

const ID = "ann.20260101";
const DRAFTED = "2026-02-01T02:10:00Z";
const ISSUED = "2026-02-01T04:00:00Z";
const OVERDUE = "2026-02-16T00:00:00Z";

const REQUEST = {
  tier: "pro",
  route: "/a",
  costMilli: 1_000,
  keyId: null,
  peek: false,
  idempotencyKey: null,
};

const VAT = [{ country: "DE", name: "VAT", percent: "20" }];

function viewOf(answer: InvoiceChangeAnswer): InvoiceView {
  if (answer.kind !== "invoice") throw new Error(JSON.stringify(answer));
  return answer.invoice;
}

const adjust = (user: BilledUser, amount: string, description = "discount") =>
  user.object.adjustInvoice(ID, [{ description, amount }], null, OPERATOR);

const actions = (user: BilledUser) =>
  user.object.audit(Number.MAX_SAFE_INTEGER, 100)?.map(({ action, actor }) => `${action} ${actor}`) ?? [];

async function decision(user: BilledUser) {
  return (await user.ask("/a", 1)).decision.outcome;
}

describe("a draft", () => {
  it("takes lines until the review ends, with taxes and credits computed again", async () => {
    const user = await account(policy("31", { taxes: VAT }));
    await user.object.changeBilling({ customer: { country: "DE" } }, user.revision, OPERATOR);
    const credit = { id: "c1", kind: "paid", amount: "30", currency: null, effectiveMs: null } as const;
    await user.object.addCredit({ ...credit, expiresMs: null, source: "p" }, user.revision, OPERATOR);
    await user.passUntil(DRAFTED);
    const discounted = viewOf(await adjust(user, "-11.00"));
    expect(discounted.document).toMatchObject({ subtotalMinor: "2000", totalMinor: "2400", dueMinor: "0" });
    const left = async () => user.object.credits(user.revision);
    expect(await left()).toMatchObject({ credits: [{ left: "6.00" }] });
    const charged = viewOf(await adjust(user, "80.00", "setup"));
    expect(charged.document).toMatchObject({ totalMinor: "12000", dueMinor: "9000" });
    expect(await left()).toMatchObject({ credits: [{ left: "0.00" }] });
    expect(await adjust(user, "-100.01")).toEqual({ kind: "negative", subtotal: "-0.01" });
    expect(viewOf(await user.object.invoice(ID)).document).toEqual(charged.document);
    await user.passUntil(ISSUED);
    expect(await adjust(user, "1")).toEqual({ kind: "wrong-status", status: "issued" });
    expect(statuses(user)).toEqual([["issued", "INV-000001", "12000"]]);
  });

  it.each([
    ["0", { kind: "bad-amount", index: 0, decimals: 2 }],
    ["1.005", { kind: "bad-amount", index: 0, decimals: 2 }],
  ])("takes no line of %s", async (amount, answer) => {
    const user = await account();
    await user.passUntil(DRAFTED);
    expect(await adjust(user, amount)).toEqual(answer);
  });

  it("that came to nothing takes lines for as long, and is issued then", async () => {
    const user = await account(policy(), { tierName: "nothing" });
    await user.passUntil(DRAFTED);
    expect(statuses(user)).toEqual([["empty", null, "0"]]);
    viewOf(await adjust(user, "5", "setup"));
    await user.passUntil(ISSUED);
    expect(statuses(user)).toEqual([["issued", "INV-000001", "500"]]);
    await user.passUntil("2026-03-01T04:00:00Z");
    const lines = [{ description: "late", amount: "5" }];
    const late = await user.object.adjustInvoice("ann.20260201", lines, null, OPERATOR);
    expect(late).toEqual({ kind: "wrong-status", status: "empty" });
  });

  it("is numbered at once by its operator, once for each call", async () => {
    const user = await account();
    await user.passUntil(DRAFTED);
    const by = { ...OPERATOR, callId: "k1" };
    const final = viewOf(await user.object.finalizeInvoice(ID, by));
    expect(final).toMatchObject({ status: "issued", document: { number: "INV-000001" }, open: "31.00" });
    expect(viewOf(await user.object.finalizeInvoice(ID, by)).document).toEqual(final.document);
    expect(await user.object.finalizeInvoice(ID, OPERATOR)).toMatchObject({ kind: "wrong-status" });
    expect(actions(user)).toEqual(expect.arrayContaining(["invoice.finalize ann", "invoice.issued billing"]));
    expect(user.registers.documents()).toHaveLength(1);
  });

  it("that is voided gets no number, and gives back its credits and what was carried to it", async () => {
    const user = await account(policy("0.40", { carryBelow: "0.50" }));
    await user.passUntil("2026-03-01T02:10:00Z");
    const february = "ann.20260201";
    expect(statuses(user)).toEqual([
      ["carried", null, "40"],
      ["draft", null, "80"],
    ]);
    const ended = viewOf(await user.object.endInvoice(february, "void", OPERATOR));
    expect(ended).toMatchObject({ status: "void", open: "0.00" });
    await user.passUntil("2026-04-01T04:00:00Z");
    expect(statuses(user).map(([status, number, total]) => [status, number, total])).toEqual([
      ["carried", null, "40"],
      ["void", null, "80"],
      ["issued", "INV-000001", "80"],
    ]);
  });
});

describe("an invoice", () => {
  it("after a wrong price is corrected by an adjustment of the draft, and the next period has the right price", async () => {
    const user = await account(policy("310"));
    user.setTime("2026-01-20T00:00:00Z");
    user.publish(policy("31"));
    await user.use("/a", 1);
    await user.passUntil(DRAFTED);
    expect(statuses(user)).toEqual([["draft", null, "31000"]]);
    viewOf(await adjust(user, "-279.00", "price of January corrected"));
    await user.passUntil("2026-03-01T04:00:00Z");
    expect(statuses(user)).toEqual([
      ["past_due", "INV-000001", "3100"],
      ["issued", "INV-000002", "3100"],
    ]);
  });
});

describe("credit notes", () => {
  it("take at most what is left, the last one exactly the remaining tax, and have numbers of their own", async () => {
    const user = await account(policy("68.33", { taxes: VAT }));
    await user.object.changeBilling({ customer: { country: "DE" } }, user.revision, OPERATOR);
    await user.passUntil(DRAFTED);
    for (const amount of ["68.33", "57.50", "85.00"]) viewOf(await adjust(user, amount, "seat"));
    await user.passUntil(ISSUED);
    const credit = (line: number, amount: string) =>
      user.object.creditInvoice(ID, [{ line, amount }], { ...OPERATOR, reason: "outage" });
    const totals: string[] = [];
    for (const [line, amount] of [
      [0, "68.33"],
      [2, "57.50"],
      [3, "85.00"],
    ] as const) {
      totals.push(viewOf(await credit(line, amount)).document.totalMinor);
    }
    expect(await credit(0, "0.01")).toEqual({ kind: "exceeds-uncredited", index: 0, left: "0.00" });
    expect(await credit(1, "68.34")).toEqual({ kind: "exceeds-uncredited", index: 0, left: "68.33" });
    expect(await credit(1, "-1")).toEqual({ kind: "bad-amount", index: 0, decimals: 2 });
    expect(await credit(9, "1")).toMatchObject({ kind: "exceeds-uncredited" });
    const last = viewOf(await credit(1, "68.33"));
    totals.push(last.document.totalMinor);
    expect(totals).toEqual(["8200", "6900", "10200", "8199"]);
    expect(last).toMatchObject({
      status: "issued",
      document: { number: "INV-CN-000004", reason: "outage", corrects: { number: "INV-000001" } },
    });
    // Nothing is left to pay.
    const invoice = viewOf(await user.object.invoice(ID));
    expect(invoice).toMatchObject({ status: "paid", open: "0.00" });
    expect(invoice.creditNotes).toHaveLength(4);
    expect(user.registers.documents("INV-CN").map(({ totalMinor }) => totalMinor)).toEqual(totals);
    expect(user.registers.documents()).toMatchObject([{ status: "paid", openMinor: "0" }]);
    expect(actions(user).filter((action) => action === "invoice.paid ann")).toHaveLength(1);
  });

  it("correct no draft", async () => {
    const user = await account();
    await user.passUntil(DRAFTED);
    const answer = await user.object.creditInvoice(ID, [{ line: 0, amount: "1" }], OPERATOR);
    expect(answer).toEqual({ kind: "wrong-status", status: "draft" });
  });

  it("get their numbers when a register that was down returns, also if the object dies meanwhile", async () => {
    const user = await account();
    await user.passUntil(ISSUED);
    const registers = user.registers;
    registers.fateOf = () => "answer lost";
    const note = viewOf(await user.object.creditInvoice(ID, [{ line: 0, amount: "1" }], OPERATOR));
    expect(note).toMatchObject({ status: "pending", document: { number: null } });
    user.crash();
    registers.fateOf = () => "through";
    await user.passUntil("2026-02-01T05:00:00Z");
    expect(viewOf(await user.object.invoice(note.document.id))).toMatchObject({
      status: "issued",
      document: { number: "INV-CN-000001" },
    });
  });
});

describe("an invoice that is not paid", () => {
  it("is past due after dueDays, and blocks requests and leases only if the policy says so, until it is paid", async () => {
    const leased = policy("31", { blockPastDue: true, dueDays: 14 });
    const user = await account({
      ...leased,
      tiers: { ...leased.tiers, pro: { ...leased.tiers["pro"]!, mode: "auto" } },
    });
    await user.passUntil("2026-02-15T00:00:00Z");
    expect([invoices(user)[0]!.status, await decision(user)]).toEqual(["issued", "allowed"]);
    await user.passUntil(OVERDUE);
    expect(invoices(user)[0]!.status).toBe("past_due");
    expect(user.registers.documents()).toMatchObject([{ status: "past_due", openMinor: "3100" }]);
    const { decision: denied, lease } = await user.ask("/a", 1, 100_000);
    expect([denied.outcome, denied.allowed, lease]).toEqual(["overdue", false, null]);
    // An isolate that asks only for its next lease gets none either.
    const question = { request: { ...REQUEST, revision: user.revision }, decide: false, wantMilli: 100_000 };
    const next = () => user.object.serve({ settlements: [], questions: [{ question, times: 1 }] });
    expect((await next())[0]?.answer.lease).toBeNull();
    user.crash();
    expect(await decision(user)).toBe("overdue");
    const paid = viewOf(await user.object.payInvoice(ID, { ...OPERATOR, reason: "transfer" }));
    expect(paid).toMatchObject({ status: "paid", open: "0.00", paidMs: user.nowMs });
    expect(await decision(user)).toBe("allowed");
    expect((await next())[0]?.answer.lease).not.toBeNull();
    viewOf(await user.object.payInvoice(ID, OPERATOR));
    expect(actions(user).filter((action) => action.startsWith("invoice.paid"))).toEqual(["invoice.paid ann"]);
  });

  it("blocks nobody by default, nor once it is uncollectible", async () => {
    const user = await account();
    await user.passUntil(OVERDUE);
    expect([invoices(user)[0]!.status, await decision(user)]).toEqual(["past_due", "allowed"]);
    user.publish(policy("31", { blockPastDue: true }));
    expect(await decision(user)).toBe("overdue");
    const answer = viewOf(await user.object.endInvoice(ID, "uncollectible", OPERATOR));
    expect([answer.status, answer.open, await decision(user)]).toEqual(["uncollectible", "31.00", "allowed"]);
    expect(viewOf(await user.object.payInvoice(ID, OPERATOR)).status).toBe("paid");
  });

  it("can be voided, but not once it is paid", async () => {
    const user = await account();
    await user.passUntil(ISSUED);
    expect(viewOf(await user.object.endInvoice(ID, "void", OPERATOR))).toMatchObject({
      status: "void",
      open: "0.00",
      document: { number: "INV-000001" },
    });
    expect(user.registers.documents()).toMatchObject([{ status: "void", openMinor: "0" }]);
    await user.passUntil("2026-03-01T04:00:00Z");
    viewOf(await user.object.payInvoice("ann.20260201", OPERATOR));
    expect(await user.object.endInvoice("ann.20260201", "void", OPERATOR)).toEqual({
      kind: "wrong-status",
      status: "paid",
    });
  });
});

describe("a list of invoices", () => {
  it("pages newest first, also of a deleted account, and knows unknown users", async () => {
    const user = await account();
    await user.passUntil("2026-06-05T00:00:00Z");
    await user.object.deleteAccount(OPERATOR);
    const ids: string[] = [];
    for (let before: number | null = Number.MAX_SAFE_INTEGER; before !== null;) {
      const page = await user.object.invoices(before, 2);
      if (page.kind !== "invoices") throw new Error(page.kind);
      ids.push(...page.invoices.map(({ document }) => document.id));
      before = page.next;
    }
    expect(ids).toEqual([6, 5, 4, 3, 2, 1].map((month) => `ann.20260${month}01`));
    expect(await user.object.invoice("eve.20260101")).toEqual({ kind: "no-invoice" });
  });
});
