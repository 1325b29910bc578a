/** What an account pays: its bill, budget and credits, and a change of tier with its price. */
import { expect, it } from "vitest";
import { request } from "../blackbox/client.ts";
import { publishPolicy } from "../blackbox/product.ts";
import type { Stage } from "./stage.ts";

const PRICE = { model: "unit", unit: "0.5" };

/** Leaves a policy with billing in force, and the deleted user payer with an invoice. */
export function checkBilling(stage: Stage): void {
  it("shows the bill of a user, gives and takes back a credit, and stops them at their budget with the next request", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    const { document } = JSON.parse((await stage.admin("GET", "policy")).text);
    document.billing = {
      currency: "EUR",
      taxes: [{ country: "DE", name: "VAT", percent: "20" }],
      portal: { keys: true, tiers: ["free", "pro"] },
    };
    const [, month] = document.tiers.free.limits;
    Object.assign(month, { amount: 1, overage: { mode: "payg", price: PRICE } });
    document.tiers.pro.plan = { base: "30" };
    await publishPolicy(stage.product, document);
    await stage.createUser("payer", "free");
    await stage.admin("PATCH", "accounts/payer/billing", { customer: { name: "Payer GmbH", country: "DE" } });
    expect(await stage.check({ user: "payer", cost: 120 })).toBe("allowed");
    await stage.open("user?id=payer", /payer/);
    const bill = page.getByRole("group", { name: "Bill of the open period" });
    // The part of the included token that is left of the period depends on the day.
    const accrued = await totalOf(stage);
    expect(accrued).toBeGreaterThan(71);
    await bill
      .getByRole("row", { name: /^free: / })
      .first()
      .waitFor();
    await bill.getByRole("row", { name: /^VAT 20 % / }).waitFor();
    await bill.getByRole("row", { name: `Total ${accrued.toFixed(2)}` }).waitFor();
    // Nothing is left of what has no cap.
    await page.getByText("tokens used, no cap").waitFor();
    expect(await page.getByText("month: tokens left").count()).toBe(0);
    const click = (name: string) => page.getByRole("button", { name, exact: true }).click();
    const dialog = page.getByRole("dialog");

    await click("Set the budget");
    await dialog.getByLabel("Budget in EUR").fill("5");
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Set", "they asked")).toBe("The budget of payer is 5 EUR.");
    expect((await stage.send("payer")).status).toBe(429);
    await click("Set the budget");
    await dialog.getByLabel("Budget in EUR").fill("");
    expect(await viewer.confirm("Set", "they paid")).toBe("payer has no budget.");
    expect((await stage.send("payer")).status).toBe(200);
    const total = (await totalOf(stage)).toFixed(2);

    await click("Give a credit");
    await dialog.getByLabel("Amount in EUR").fill("100");
    await dialog.getByRole("textbox", { name: /^For/ }).fill("ticket 7");
    await dialog.getByLabel("Expires").selectOption("in 30 days");
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Give", "an outage")).toBe("payer has a credit of 100.00 EUR.");
    await bill.getByRole("row", { name: "Due after credits 0.00" }).waitFor();
    await stage.expectFlawless("user?id=payer", /payer/, "Due after credits");
    await click("Take back the credit for ticket 7");
    expect(await viewer.confirm("Take back", "too much")).toBe(
      `${(100 - Number(total)).toFixed(2)} EUR of the credit are removed.`,
    );
    for (const line of ["Took back a credit", "100.00 EUR for ticket 7", "budget: 5 → none"]) {
      await page.getByRole("group", { name: "Changes of the account" }).getByText(line).waitFor();
    }
    await page
      .getByRole("group", { name: "List of credits" })
      .getByRole("row", { name: new RegExp(`ticket 7.*100\\.00 ${total}`) })
      .waitFor();
    expect(viewer.faults().filter((fault) => !fault.includes("429"))).toEqual([]);
  });

  it("shows what a change of tier costs before it is made, and the bill says the same after it", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("user?id=payer", /payer/);
    await page.getByRole("button", { name: "Change tier", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Tier").selectOption("pro");
    const row = dialog.getByRole("row", { name: /^pro: base fee/ });
    await row.first().waitFor();
    expect(await viewer.axe()).toEqual([]);
    const total = async (of: typeof dialog, column: number) =>
      Number(
        await of
          .getByRole("row", { name: /^Total / })
          .getByRole("cell")
          .nth(column)
          .innerText(),
      );
    const [before, after, next] = [await total(dialog, 0), await total(dialog, 1), await total(dialog, 2)];
    expect(before).toBe(await totalOf(stage));
    expect(after).toBeGreaterThan(before);
    expect(next).toBe(36);
    // It can wait.
    await dialog.getByLabel("When").selectOption("When the billing period ends");
    await expect.poll(() => total(dialog, 1)).toBe(before);
    await dialog.getByLabel("When").selectOption("Now");
    await expect.poll(() => total(dialog, 1)).toBeGreaterThan(before);
    expect(await viewer.confirm("Change tier", "upgraded")).toContain("payer is in tier pro now");
    const bill = page.getByRole("group", { name: "Bill of the open period" });
    await bill.getByRole("row", { name: /^pro: base fee/ }).waitFor();
    // The base fee shrinks by the second.
    expect(Math.abs((await total(bill, 0)) - after)).toBeLessThanOrEqual(0.011);
    expect((await stage.send("payer")).headers["ratelimit-policy"]).toContain('"minute";q=1500');
    expect(viewer.faults()).toEqual([]);
  });

  it("makes a link to the customers' portal, which works once", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("user?id=payer", /payer/);
    await page.getByRole("button", { name: "Portal link", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Usable for").selectOption("1 hour");
    expect(await viewer.axe()).toEqual([]);
    await dialog.getByRole("button", { name: "Make", exact: true }).click();
    const url = new URL(await dialog.getByText(/#link=/).innerText());
    expect(url.href.startsWith(new URL("/portal#link=", stage.product.url).href)).toBe(true);
    await dialog.getByText("It works once").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    const link = decodeURIComponent(url.hash.replace("#link=", ""));
    const enter = async () =>
      request(new URL("/api/v1/portal/session", stage.product.url), {
        method: "POST",
        headers: { "Content-Type": "application/json", Origin: stage.product.url.origin },
        body: JSON.stringify({ link }),
      });
    const first = await enter();
    expect([first.status, JSON.parse(first.text)]).toMatchObject([200, { account: "payer", kind: "link" }]);
    expect((await enter()).status).toBe(401);
    await page.getByRole("button", { name: "End portal sessions", exact: true }).click();
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("End", "stolen laptop")).toBe("Links ended: 0; sessions ended: 1.");
    await page.getByText("links: 0, sessions: 1").waitFor();
    expect(viewer.faults()).toEqual([]);
  });

  it("finds the largest overage on the board, which adds up the open periods of all accounts, and credits it", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    const accounts = await runningAccounts(stage);
    const [most] = accounts.toSorted((a, b) => Number(b.overage) - Number(a.overage));
    expect(most?.account).toBe("payer");
    await stage.open("billing", "Billing");
    await page.getByText(`Open periods of all ${accounts.length} accounts.`).waitFor();
    const fees = accounts.reduce((sum, { base }) => sum + Number(base), 0);
    await page
      .locator(".tile", { hasText: "Recurring a month (MRR), EUR" })
      .getByText(fees.toFixed(2), { exact: true })
      .waitFor();
    await page
      .locator(".tile", { hasText: "Overage share" })
      .getByText(/^[\d.,]+ EUR of [\d.,]+ EUR$/)
      .waitFor();
    // Nothing is invoiced yet.
    const invoiced = page.locator(".tile", { hasText: "Invoiced, EUR" });
    for (const range of ["in the last 12 months", "since last month"]) {
      await page.getByLabel("Invoiced for periods begun").selectOption(range);
      await invoiced.getByText(`0 documents: periods begun ${range}`).waitFor();
      expect(await invoiced.locator("svg").count()).toBe(0);
    }
    const row = page.getByRole("group", { name: "Largest overages" }).getByRole("row").nth(1);
    expect(await row.getByRole("cell").nth(1).innerText()).toBe(most?.overage);
    await stage.expectFlawless("billing", "Billing", "Largest overages");
    await row.getByRole("link", { name: "payer" }).click();
    await page.getByRole("heading", { level: 1, name: /payer/ }).waitFor();
    await page.getByText("not enough data yet").first().waitFor();
    // Where the bill is.
    await expect
      .poll(() =>
        page.evaluate(`document.querySelector("table.bill").getBoundingClientRect().bottom < innerHeight`),
      )
      .toBe(true);
    await page.getByRole("button", { name: "Give a credit", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Amount in EUR").fill(most?.overage ?? "");
    await dialog.getByRole("textbox", { name: /^For/ }).fill("ticket 8");
    await viewer.confirm("Give", "a faulty client");
    await page.getByRole("row", { name: /^Due after credits/ }).waitFor();
    await page.getByRole("button", { name: "Take back the credit for ticket 8" }).click();
    await viewer.confirm("Take back", "the next check pays in full");
    expect(viewer.faults()).toEqual([]);
  });

  it("stops and continues to add up open periods, and names the accounts that did not answer", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    const reports = "**/api/v1/admin/billing/reports/running*";
    const held: (() => void)[] = [];
    await page.route(reports, async (route) => {
      const isFirst = !route.request().url().includes("cursor");
      await new Promise<void>((go) => held.push(go));
      const answer = await (await route.fetch()).json();
      const body = isFirst ? { ...answer, failed: ["sleeper"], cursor: "more" } : { ...answer, accounts: [] };
      // Cancelled meanwhile.
      await route.fulfill({ json: body }).catch(() => undefined);
    });
    await stage.open("billing", "Billing");
    await page.getByText("Adding up open periods: 0 accounts so far…").waitFor();
    await expect.poll(() => held.length).toBe(1);
    held[0]?.();
    await page.getByRole("link", { name: "sleeper" }).waitFor();
    await page.getByText(/^Adding up open periods: [1-9]/).waitFor();
    expect(await viewer.axe()).toEqual([]);
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByText(/^Open periods of only [1-9]/).waitFor();
    // Playwright tries the newest handler first, so no request slips through between the two.
    await page.route(reports, async (route) => {
      const url = route
        .request()
        .url()
        .replace(/[?&]cursor=more/, "");
      const response = await route.fetch({ url });
      await route.fulfill({ json: { ...(await response.json()), accounts: [] } }).catch(() => undefined);
    });
    for (const go of held) go();
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await page.getByText(/^Open periods of all [1-9]/).waitFor();
    await page.getByRole("link", { name: "sleeper" }).waitFor();
    await page.getByRole("button", { name: "Add up again", exact: true }).click();
    await page.getByRole("link", { name: "sleeper" }).waitFor({ state: "detached" });
    await page.unroute(reports);
    expect(viewer.faults()).toEqual([]);
  });

  it("finalizes the draft of a deleted account, retries it at Stripe, credits a line, and marks it paid; Billing lists it", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.admin("DELETE", "accounts/payer");
    await stage.open("overview", "Overview");
    await stage.open("user?id=payer", /payer/);
    const invoices = page.getByRole("group", { name: "Invoices" });
    const click = (name: string) => invoices.getByRole("button", { name, exact: true }).click();
    const dialog = page.getByRole("dialog");
    await invoices.getByRole("row", { name: /draft/ }).waitFor();
    await click("Adjust the draft");
    await dialog.getByRole("textbox", { name: "Line" }).fill("setup");
    // More than the remaining credits can be, whatever base fee the day of the month gives.
    await dialog.getByLabel("Amount in EUR, before tax").fill("100");
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Adjust", "agreed")).toMatch(/is draft/);
    stage.stripe.faults.push({ call: "POST customers", fault: 400 });
    await click("Finalize the draft");
    await viewer.confirm("Finalize", "checked");
    await expect.poll(() => stripeOf(stage)).toMatchObject({ error: { kind: "rejected" } });
    await stage.open("overview", "Overview");
    await stage.open("user?id=payer", /payer/);
    // A credit pays a part of it.
    await invoices
      .getByRole("row", { name: /^INV-000001 .* issued failed Stripe: rejected: customer: / })
      .waitFor();
    expect(await viewer.axe()).toEqual([]);
    await click("Retry at Stripe INV-000001");
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Retry at Stripe", "the address is right now")).toContain("INV-000001");
    await invoices.getByText("Stripe: rejected").waitFor({ state: "detached" });
    expect(await invoices.getByRole("button", { name: "Retry at Stripe" }).count()).toBe(0);
    await page.getByText(/^error: rejected: customer: .* → none$/).waitFor();
    await expect.poll(() => stripeOf(stage)).toMatchObject({ step: "open", error: null });
    const opened = async (name: string) => {
      const [document] = await Promise.all([
        viewer.context.waitForEvent("page"),
        invoices.getByRole("link", { name, exact: true }).click(),
      ]);
      return document;
    };
    const invoice = await opened("INV-000001");
    await invoice.getByText("setup").first().waitFor();
    await invoice.close();

    await click("Credit INV-000001");
    await dialog.getByLabel("Line").selectOption({ index: 0 });
    await dialog.getByLabel("Amount in EUR, before tax").fill("1");
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Credit", "charged twice")).toContain("1.20 EUR");
    await click("Mark paid INV-000001");
    expect(await viewer.confirm("Mark paid", "by transfer")).toContain("INV-000001 is paid");
    const note = await opened("credit note");
    await note.getByText("charged twice").first().waitFor();
    await note.close();
    const pdf = await invoices.getByRole("link", { name: "PDF" }).getAttribute("href");
    const file = await viewer.context.request.get(new URL(pdf ?? "", stage.product.url).href);
    expect([file.status(), file.headers()["content-type"]]).toEqual([200, "application/pdf"]);
    expect(await viewer.axe()).toEqual([]);

    await page.getByRole("link", { name: "Billing", exact: true }).click();
    const listed = page
      .getByRole("group", { name: "Documents" })
      .getByRole("row", { name: /^INV-000001 payer .* paid/ });
    await listed.waitFor();
    const ofBoard = await listed.getByRole("link", { name: "PDF" }).getAttribute("href");
    expect(new URL(ofBoard ?? "", stage.product.url).pathname).toBe(
      new URL(pdf ?? "", stage.product.url).pathname,
    );
    // What was credited is subtracted.
    await page
      .getByRole("group", { name: "Invoiced by customer" })
      .getByRole("row", { name: /^payer .* 1\.00 100 %/ })
      .waitFor();
    // The deleted account was polled.
    expect(viewer.faults().filter((fault) => !fault.includes("404"))).toEqual([]);
    await stage.expectFlawless("billing", "Billing", "INV-000001");
    await page.getByLabel("Status").selectOption("past due");
    await page.getByText("There are none").waitFor();
    await page.getByLabel("Status").selectOption("Any");
    await page.getByLabel("Show").selectOption("Credit notes");
    await page.getByRole("row", { name: /credit note payer .* 1\.20 EUR/ }).waitFor();
    expect(viewer.faults()).toEqual([]);
  });
}

/** What the open periods of all accounts come to, by the API. */
async function runningAccounts(
  stage: Stage,
): Promise<{ readonly account: string; readonly base: string; readonly overage: string }[]> {
  return JSON.parse((await stage.admin("GET", "billing/reports/running?limit=100")).text).accounts;
}

/** How far the invoice of the user payer is at Stripe, by the API. */
async function stripeOf(stage: Stage): Promise<unknown> {
  const { invoices } = JSON.parse((await stage.admin("GET", "accounts/payer/invoices")).text);
  return invoices[0].stripe;
}

/** What the open period of the user payer comes to, by the API. */
async function totalOf(stage: Stage): Promise<number> {
  const { accrued } = JSON.parse((await stage.admin("GET", "accounts/payer/billing")).text);
  return Number(accrued.total);
}
