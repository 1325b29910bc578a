/** Closing an account's periods in its own object, by its alarm: draft, review, number, payment. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { rateAgain } from "../../src/billing/draft-invoice.ts";
import { HOUR_MS, MINUTE_MS } from "../../src/core/time.ts";
import { writeDocument } from "../../src/objects/invoice.ts";
import { OPERATOR, stopTime } from "./billed-user.ts";
import { account, invoices, policy, statuses, withoutBilling } from "./closed-user.ts";
import { type CallFate, Registers } from "./registers.ts";

stopTime();

describe("the close of a period", () => {
  it("drafts its invoice two hours after its end without any request, and numbers it after the review", async () => {
    const user = await account();
    await user.use("/a", 100);
    await user.use("/b", 20);
    user.setTime("2026-01-31T23:59:59.999Z");
    const { accrued } = await user.billing();
    await user.passUntil("2026-02-01T01:59:59.999Z");
    expect(invoices(user)).toEqual([]);
    await user.passUntil("2026-02-01T02:00:00Z");
    const [draft] = invoices(user);
    expect(draft).toMatchObject({ status: "draft", number: null, sha256: null });
    expect(draft!.document.lines.map(({ description, minor }) => [description, minor])).toEqual(
      accrued.lines.map(({ description, amount }) => [description, String(Number(amount.replace(".", "")))]),
    );
    expect(draft!.document.totalMinor).toBe("3120");
    const reviewMs = draft!.finalize_ms - Date.parse("2026-02-01T02:00:00Z");
    expect(reviewMs).toBeGreaterThanOrEqual(60 * MINUTE_MS);
    expect(reviewMs).toBeLessThan(90 * MINUTE_MS);
    await user.passUntil(new Date(draft!.finalize_ms - 1).toISOString());
    expect(statuses(user)).toEqual([["draft", null, "3120"]]);
    await user.passUntil(new Date(draft!.finalize_ms).toISOString());
    const [issued] = invoices(user);
    expect(issued).toMatchObject({ status: "issued", number: "INV-000001" });
    expect(issued!.document).toMatchObject({ id: "ann.20260101", user: "ann", number: "INV-000001" });
    expect(issued!.sha256).toBe(createHash("sha256").update(issued!.text).digest("hex"));
    expect(user.registers.documents()).toMatchObject([
      { id: "ann.20260101", number: "INV-000001", totalMinor: "3120", openMinor: "3120", status: "issued" },
    ]);
  });

  it("closes every month of an idle account, one alarm for each step, and sets none without billing", async () => {
    const user = await account();
    let alarms = 0;
    await user.passUntil("2026-02-01T00:00:00Z");
    await user.passUntil("2026-07-01T00:00:00Z", () => (alarms += 1));
    expect(invoices(user).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5].map((n) => `INV-00000${n}`));
    // Draft, number and due date of each month.
    expect(alarms).toBe(15);
    const unbilled = await account(withoutBilling, { tierName: "free" });
    await unbilled.passUntil("2026-01-02T00:00:00Z");
    expect(unbilled.disk.alarmMs).toBeNull();
  });

  it("bills usage that isolates report late, and in the next period if the hour is frozen", async () => {
    const user = await account();
    user.setTime("2026-01-31T23:59:59.500Z");
    const { lease } = await user.ask("/a", 1);
    expect(lease).toBeNull();
    user.setTime("2026-02-01T00:30:00Z");
    await user.use("/a", 5);
    const cell = { route: "/a", keyId: "", requests: 200, costMilli: 200_000, denied: 0 };
    const late = { leaseId: null, atMs: Date.parse("2026-01-31T23:59:59.900Z"), cells: [cell] };
    await user.ask("/a", 1, 0, null, [late]);
    await user.passUntil("2026-02-01T02:00:00Z");
    await user.ask("/a", 1, 0, null, [late]);
    await user.passUntil("2026-03-02T00:00:00Z");
    const counts = invoices(user).map(({ document }) => document.segments[0]?.usage[0]?.count);
    expect(counts).toEqual([201, 203]);
    expect(user.ledger().map(({ count }) => count)).toEqual([404]);
  });

  it("never changes what is closed if the clock steps back across the boundary", async () => {
    const user = await account();
    await user.use("/a", 150);
    await user.passUntil("2026-02-01T00:30:00Z");
    await user.use("/a", 1);
    await user.passUntil("2026-02-01T02:00:00Z");
    user.setTime("2026-01-31T23:00:00Z");
    await user.use("/a", 50);
    user.crash();
    await user.use("/a", 1);
    await user.ring();
    await user.passUntil("2026-03-02T00:00:00Z");
    const [january, february] = invoices(user);
    expect(january!.document.totalMinor).toBe("3150");
    expect(february!.document.segments[0]?.usage).toMatchObject([{ count: 3, costMilli: 52_000 }]);
    expect(statuses(user)).toHaveLength(2);
  });

  it("does not wait for a clock that steps back before the boundary, nor closes twice when it returns", async () => {
    const user = await account();
    await user.passUntil("2026-02-01T01:00:00Z");
    await user.use("/a", 1);
    user.setTime("2026-01-31T22:00:00Z");
    await user.use("/a", 1);
    await user.passUntil("2026-02-03T00:00:00Z");
    expect(statuses(user)).toEqual([["issued", "INV-000001", "3100"]]);
    expect(user.periods()).toHaveLength(2);
  });

  it("is rated again to the same bytes after the policy, the tier and the account have changed", async () => {
    const user = await account();
    await user.use("/a", 400);
    await user.passUntil("2026-02-02T00:00:00Z");
    const [before] = invoices(user);
    user.publish(policy("999", { currency: "USD", taxes: [{ country: "DE", name: "VAT", percent: "19" }] }));
    await user.object.changeTier({ tier: "nothing", at: "now" }, user.revision, OPERATOR);
    await user.object.changeBilling({ customer: { country: "DE" } }, user.revision, OPERATOR);
    await user.object.deleteAccount(OPERATOR);
    const [after] = invoices(user);
    expect(after!.text).toBe(before!.text);
    expect(writeDocument(rateAgain(after!.document))).toBe(before!.text);
  });

  it("closes at once when the account is deleted, and without billing in force by the policy it was rated by", async () => {
    const user = await account(policy("31", { reviewMinutes: 0, series: "GONE" }));
    user.setTime("2026-01-16T12:00:00Z");
    await user.object.deleteAccount(OPERATOR);
    user.publish(withoutBilling);
    await user.use(null, 1);
    await user.passUntil("2026-01-16T12:31:00Z");
    expect(statuses(user)).toEqual([["issued", "GONE-000001", "1550"]]);
  });
});

describe("an account that is deleted within two hours of a period's end", () => {
  it("closes its last period after that one, whose invoice credits pay first", async () => {
    const user = await account(policy("3100"));
    const given = { id: "c1", kind: "paid", amount: "3101", currency: null, effectiveMs: null } as const;
    await user.object.addCredit({ ...given, expiresMs: null, source: "p1" }, user.revision, OPERATOR);
    await user.passUntil("2026-02-01T01:00:00Z");
    await user.object.deleteAccount(OPERATOR);
    await user.passUntil("2026-02-02T00:00:00Z");
    expect(
      invoices(user).map(({ status, document }) => [status, document.totalMinor, document.dueMinor]),
    ).toEqual([
      ["paid", "310000", "0"],
      ["issued", "461", "361"],
    ]);
  });
});

describe("a total", () => {
  it("of nothing is not issued", async () => {
    const user = await account(policy(), { tierName: "nothing" });
    await user.passUntil("2026-03-02T00:00:00Z");
    expect(statuses(user)).toEqual([
      ["empty", null, "0"],
      ["empty", null, "0"],
    ]);
    expect(user.registers.documents()).toEqual([]);
  });

  it("below carryBelow is a line of the next invoice, before tax, until the sum is large enough", async () => {
    const taxes = [{ country: "DE", name: "VAT", percent: "10" }];
    const user = await account(policy("0.40", { carryBelow: "1.00", taxes }));
    await user.object.changeBilling({ customer: { country: "DE" } }, user.revision, OPERATOR);
    await user.passUntil("2026-04-02T00:00:00Z");
    expect(statuses(user)).toEqual([
      ["carried", null, "44"],
      ["carried", null, "88"],
      ["issued", "INV-000001", "132"],
    ]);
    const [, , march] = invoices(user);
    expect(march!.document.lines.map(({ kind, description, minor }) => [kind, description, minor])).toEqual([
      ["base", "pro: base fee, 2026-03-01 until 2026-04-01", "40"],
      ["carried", "carried from 2026-02-01 until 2026-03-01", "80"],
    ]);
  });

  it("below carryBelow is issued if the next invoice will be in another currency", async () => {
    const user = await account(policy("0.40", { carryBelow: "1.00" }));
    await user.passUntil("2026-02-10T00:00:00Z");
    user.publish(policy("0.40", { carryBelow: "1.00", currency: "EUR" }));
    await user.use("/a", 1);
    await user.passUntil("2026-03-02T00:00:00Z");
    expect(statuses(user)).toEqual([
      ["carried", null, "40"],
      ["issued", "INV-000001", "80"],
    ]);
  });

  it("that credits pay is issued as paid, and takes what it used of them", async () => {
    const user = await account();
    const given = { id: "c1", kind: "paid", amount: "50", currency: null, effectiveMs: null } as const;
    await user.object.addCredit({ ...given, expiresMs: null, source: "p1" }, user.revision, OPERATOR);
    await user.passUntil("2026-03-02T00:00:00Z");
    expect(invoices(user).map(({ status, document }) => [status, document.dueMinor])).toEqual([
      ["paid", "0"],
      ["issued", "1200"],
    ]);
    expect(await user.object.credits(user.revision)).toMatchObject({ credits: [{ left: "0.00" }] });
  });
});

describe("the register", () => {
  it("numbers all accounts in one sequence, with dates that never fall although its clock does", async () => {
    const registers = new Registers();
    const dates: number[] = [];
    for (const name of ["a", "b", "c"]) {
      const user = await account(policy(), { registers, name });
      await user.passUntil("2026-02-02T00:00:00Z");
    }
    for (const { issuedMs } of registers.documents()) dates.push(issuedMs);
    expect(registers.documents().map(({ number, user }) => [number, user])).toEqual([
      ["INV-000001", "a"],
      ["INV-000002", "b"],
      ["INV-000003", "c"],
    ]);
    expect(dates).toEqual(dates.toSorted((a, b) => a - b));
  });

  it("that is down delays numbers only: drafts become final, and get their numbers when it returns", async () => {
    let fate: CallFate = "lost";
    const user = await account(policy(), { registers: new Registers(() => fate) });
    await user.passUntil("2026-02-02T00:00:00Z");
    expect(statuses(user)).toEqual([["pending", null, "3100"]]);
    expect(await user.use("/a", 1)).toBe(true);
    fate = "answer lost";
    await user.passUntil("2026-02-02T00:10:00Z");
    expect(statuses(user)).toEqual([["pending", null, "3100"]]);
    expect(user.registers.documents()).toHaveLength(1);
    fate = "through";
    await user.passUntil("2026-02-02T01:00:00Z");
    expect(statuses(user)).toEqual([["issued", "INV-000001", "3100"]]);
    expect(user.registers.documents()).toHaveLength(1);
  });

  it("that has another document of an invoice's id, or another currency, makes it void and delays no later one", async () => {
    const registers = new Registers();
    const given = { id: "c1", kind: "paid", amount: "10", currency: null, effectiveMs: null } as const;
    const withCredit = async () => {
      const user = await account(policy(), { registers });
      await user.object.addCredit({ ...given, expiresMs: null, source: "p1" }, user.revision, OPERATOR);
      return user;
    };
    const first = await withCredit();
    await first.passUntil("2026-02-02T00:00:00Z");
    // The object as it was restored to a moment before the close, and used since.
    const restored = await withCredit();
    await restored.use("/a", 500);
    await restored.passUntil("2026-03-02T00:00:00Z");
    expect(statuses(restored)).toEqual([
      ["void", null, "3500"],
      ["issued", "INV-000002", "3100"],
    ]);
    // The credit has paid the document that the customer has.
    expect(invoices(restored).map(({ document }) => document.dueMinor)).toEqual(["2500", "3100"]);
    const audited = restored.object.audit(Number.MAX_SAFE_INTEGER, 100) ?? [];
    const refused = audited.find(({ action }) => action === "invoice.void");
    expect(refused?.reason).toBe("differs segments lines subtotalMinor totalMinor dueMinor");
    const other = await account(policy("31", { currency: "EUR" }), { registers, name: "eve" });
    await other.passUntil("2026-02-02T00:00:00Z");
    expect(statuses(other)).toEqual([["void", null, "3100"]]);
    expect(registers.documents().map(({ id }) => id)).toEqual(["ann.20260101", "ann.20260201"]);
  });

  it("that has a document with other lines does not take one of the same total for it", async () => {
    const registers = new Registers();
    const first = await account(policy(), { registers });
    await first.use("/a", 10);
    await first.passUntil("2026-02-02T00:00:00Z");
    // Restored to before those requests. Nothing of the month is beyond the included amount.
    const restored = await account(policy(), { registers });
    await restored.use("/b", 20);
    await restored.passUntil("2026-02-02T00:00:00Z");
    expect([statuses(first), statuses(restored)]).toEqual([
      [["issued", "INV-000001", "3100"]],
      [["void", null, "3100"]],
    ]);
    const [refused] = restored.object.audit(Number.MAX_SAFE_INTEGER, 1) ?? [];
    expect(refused).toMatchObject({ action: "invoice.void", reason: "differs segments" });
    // A register that was lost compares as well once it is rebuilt from the accounts.
    registers.lose("INV");
    const register = registers.object("INV");
    register.beginRebuild("INV");
    await register.restore(await first.object.numberedDocuments());
    register.finishRebuild();
    const again = await account(policy(), { registers });
    await again.passUntil("2026-02-02T00:00:00Z");
    expect(statuses(again)).toEqual([["void", null, "3100"]]);
  });

  it("gets each document once, whatever dies after any step and whatever call is lost", async () => {
    for (let seed = 0; seed < 12; seed++) {
      let calls = 0;
      const fates: CallFate[] = ["through", "lost", "answer lost"];
      const registers = new Registers(() => fates[(seed + calls++ * 7) % 3] ?? "through");
      const user = await account(policy(), { registers });
      let steps = 0;
      await user.passUntil("2026-05-02T00:00:00Z", () => {
        if ((steps++ + seed) % 3 !== 0) return;
        user.crash();
        registers.crash();
      });
      expect(invoices(user).map(({ number }) => number)).toEqual([1, 2, 3, 4].map((n) => `INV-00000${n}`));
      const listed = registers.documents();
      expect(listed.map(({ number }) => number)).toEqual([1, 2, 3, 4].map((n) => `INV-00000${n}`));
      for (const { document } of invoices(user)) {
        const registered = listed.find(({ id }) => id === document.id);
        expect(document.issuedAt).toBe(new Date(registered!.issuedMs).toISOString());
      }
    }
  });
});

describe("a close that fails", () => {
  it("stores nothing of the step, delays no decision, and is tried again every five minutes", async () => {
    const user = await account();
    await user.use("/a", 10);
    user.setTime("2026-02-01T00:00:00Z");
    await user.use("/a", 1);
    // Terms that no code can rate, as a faulty migration would leave them.
    const [row] = user.disk.exec("SELECT terms FROM segments WHERE period_ms = ?", [Date.UTC(2026, 0)]);
    const terms = String(row?.["terms"]);
    const put = (text: string) =>
      user.disk.exec("UPDATE segments SET terms = ? WHERE period_ms = ?", [text, Date.UTC(2026, 0)]);
    put("{}");
    user.crash();
    await user.passUntil("2026-02-01T04:00:00Z");
    expect(invoices(user)).toEqual([]);
    expect(await user.use("/a", 1)).toBe(true);
    expect(user.disk.alarmMs! - user.nowMs).toBeLessThanOrEqual(5 * MINUTE_MS);
    put(terms);
    await user.passUntil("2026-02-01T08:00:00Z");
    expect(statuses(user)).toEqual([["issued", "INV-000001", "3100"]]);
    expect(Date.parse(invoices(user)[0]!.document.issuedAt!)).toBeGreaterThan(
      Date.UTC(2026, 1, 1) + 5 * HOUR_MS,
    );
  });
});
