/** What reports have of accounts: while a period is open, and when it is closed, corrected or voided. */
import { describe, expect, it } from "vitest";
import { invoicedSums, outstandingSums } from "../../src/api/billing/invoiced-sums.ts";
import type { SumKey } from "../../src/objects/billing-register.ts";
import { type BilledUser, OPERATOR, stopTime } from "./billed-user.ts";
import { account, invoices, policy, tier } from "./closed-user.ts";

stopTime();

const ID = "ann.20260101";
const DRAFTED = "2026-02-01T02:10:00Z";
const ISSUED = "2026-02-01T04:00:00Z";
const LATER = "2026-02-01T05:00:00Z";
const VAT = [{ country: "DE", name: "VAT", percent: "20" }];

/** What was invoiced, by key, with the total of all. */
async function invoiced({ registers }: BilledUser, by: SumKey): Promise<Record<string, string>> {
  const { rows, total } = await invoicedSums(registers.forReports, { by, fromMs: null, toMs: null }, 100);
  const shown = [...rows, { key: "total", ...total }];
  return Object.fromEntries(shown.map(({ key, minor }) => [key, String(minor)]));
}

/** An account with a taxed invoice of 31.00 base, 50 over at 0.01 and a discount of 1.00. */
async function billed(): Promise<BilledUser> {
  const user = await account(policy("31", { taxes: VAT }));
  await user.object.changeBilling({ customer: { country: "DE" } }, user.revision, OPERATOR);
  await user.use("/a", 150);
  await user.passUntil(DRAFTED);
  const lines = [{ description: "discount", amount: "-1.00" }];
  await user.object.adjustInvoice(ID, lines, null, OPERATOR);
  await user.passUntil(ISSUED);
  return user;
}

const note = (user: BilledUser, amount: string) =>
  user.object.creditInvoice(ID, [{ line: 0, amount }], { ...OPERATOR, reason: "outage" });

describe("what was invoiced", () => {
  it("is the lines before tax, by tier and route or kind, less what credit notes take back", async () => {
    const user = await billed();
    const all = { "(base)": "3100", "(overage)": "50", "(adjustment)": "-100", total: "3050" };
    expect(await invoiced(user, "route")).toEqual(all);
    expect(await invoiced(user, "tier")).toEqual({ pro: "3150", "(adjustment)": "-100", total: "3050" });
    expect(await outstandingSums(user.registers.forReports)).toEqual({
      documents: 1,
      openMinor: 3_660n,
      pastDueMinor: 0n,
    });
    await note(user, "11.00");
    await user.passUntil(LATER);
    expect(await invoiced(user, "route")).toEqual({ ...all, "(base)": "2000", total: "1950" });
    expect(await invoiced(user, "tier")).toMatchObject({ pro: "2050", total: "1950" });
    expect(await invoiced(user, "month")).toEqual({ "2026-01": "1950", total: "1950" });
    expect(await invoiced(user, "customer")).toEqual({ ann: "1950", total: "1950" });
    await user.passUntil("2026-02-16T00:00:00Z");
    const { openMinor, pastDueMinor } = await outstandingSums(user.registers.forReports);
    expect([openMinor, pastDueMinor]).toEqual([2_340n, 2_340n]);
  });

  it("has nothing of a void invoice, whatever its credit notes had taken back", async () => {
    const user = await billed();
    await note(user, "11.00");
    await note(user, "0.50");
    await user.object.endInvoice(ID, "void", OPERATOR);
    await user.passUntil(LATER);
    expect(await invoiced(user, "tier")).toEqual({ pro: "0", total: "0" });
    expect(await invoiced(user, "month")).toEqual({ "2026-01": "0", total: "0" });
    expect((await outstandingSums(user.registers.forReports)).documents).toBe(0);
  });

  it("is the same after a rebuild, which fills in what an older register did not know", async () => {
    const user = await billed();
    await note(user, "11.00");
    await user.passUntil(LATER);
    const before = await Promise.all(
      (["month", "tier", "route", "customer"] as const).map((by) => invoiced(user, by)),
    );
    const entries = await user.object.numberedDocuments();
    const restore = async (isOlder: boolean): Promise<void> => {
      for (const name of ["INV", "INV-CN"]) {
        const register = user.registers.object(name);
        register.beginRebuild(name);
        const own = entries.filter(({ number }) => number.startsWith("INV-CN") === (name === "INV-CN"));
        const { parts: _parts, ...older } = own[0]!;
        await register.restore(isOlder ? [older] : own);
        register.finishRebuild();
      }
    };
    await restore(true);
    expect(await invoiced(user, "tier")).toEqual({ "(unknown)": "2340", total: "2340" });
    await restore(false);
    const after = await Promise.all(
      (["month", "tier", "route", "customer"] as const).map((by) => invoiced(user, by)),
    );
    expect(after).toEqual(before);
  });
});

describe("an open period in a report of all accounts", () => {
  const running = async (user: BilledUser) => {
    const answer = await user.object.runningPeriod(user.revision);
    if (answer.kind !== "running") throw new Error(answer.kind);
    return answer.running;
  };

  it("has the whole base fee of its terms of now, and is rated as its close rates it", async () => {
    const tiers = { free: { limits: [] }, pro: tier("31"), team: tier("93", 50) };
    const user = await account({ ...policy(), tiers });
    await user.use("/a", 130);
    user.setTime("2026-01-16T12:00:00Z");
    await user.object.changeTier({ tier: "team", at: "now" }, user.revision, OPERATOR);
    await user.use("/b", 70);
    const found = await running(user);
    const { accrued } = await user.billing();
    expect(found).toEqual({
      tier: "team",
      currency: "USD",
      base: "93.00",
      subtotal: accrued.subtotal,
      // 130 of 50 included in half a month, and 70 of 25.
      overage: "1.25",
      requests: 2,
      periodStartMs: Date.UTC(2026, 0),
      periodEndMs: Date.UTC(2026, 1),
    });
    await user.passUntil(DRAFTED);
    expect(invoices(user)[0]!.document.subtotalMinor).toBe(found.subtotal.replace(".", ""));
  });

  it("is not there without billing or an account", async () => {
    const user = await account();
    await user.object.deleteAccount(OPERATOR);
    expect(await user.object.runningPeriod(user.revision)).toEqual({ kind: "absent" });
  });
});
