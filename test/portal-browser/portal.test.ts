/**
 * The portal as a customer uses it, on a phone: the started product, real requests, a real browser. A change made in the page applies to
 * the next request, and the price shown before a change of plan is that of the invoice.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium } from "../../scripts/chromium.ts";
import { exact } from "../../dashboard/src/shell/format.ts";
import { eventually } from "../blackbox/product.ts";
import { Stage } from "./stage.ts";

const HAS_CHROMIUM = await hasChromium();
if (!HAS_CHROMIUM)
  process.stderr.write(
    "Chromium not found: skipping the browser tests of the portal (CHROMIUM=<path> names another)\n",
  );

const SCREENS = ["Now", "Usage", "Invoices", "Keys", "Plan"];

describe.skipIf(!HAS_CHROMIUM)("the portal in a browser", () => {
  const stage = new Stage();
  beforeAll(() => stage.start());
  afterAll(() => stage.stop());
  const button = (name: string | RegExp) => stage.page.getByRole("button", { name });

  it("signs in with a key of the account, rejects any other, and keeps it nowhere", async () => {
    const { viewer, page } = stage;
    await page.setViewportSize({ width: 400, height: 900 });
    await viewer.goTo("");
    await stage.signIn("el_live_000000000000000000000000000000000000");
    await page.getByRole("alert").getByText("No account has this key").waitFor();
    await stage.expectFlawless();
    await stage.signIn(stage.key);
    await page.getByRole("heading", { level: 1, name: "Now" }).waitFor();
    await page.getByText("Acme Weather").waitFor();
    await page.getByText(/^Signed in by key until/).waitFor();
    const [cookie] = await viewer.context.cookies(new URL("/api/v1/portal/session", stage.url).href);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/api/v1/portal" });
    const kept =
      "JSON.stringify([localStorage, sessionStorage, document.cookie, history.state, location.href])";
    expect(await page.evaluate(kept)).not.toContain(stage.key);
    expect(viewer.faults()).toEqual([]);
  });

  it("shows what is left and what was used today, to the last request", async () => {
    const { page } = stage;
    for (let n = 0; n < 3; n += 1) expect((await stage.send()).status).toBe(200);
    await page.getByText("Today, in UTC: 3 requests allowed, 0 denied.").waitFor();
    expect((await stage.send()).status).toBe(200);
    await page.getByText("Today, in UTC: 4 requests allowed, 0 denied.").waitFor();
    const { included, used } = (await stage.billing()).allowance;
    expect(used).toBe(4);
    await page.getByText(`month: 4 of ${exact(included)} included tokens used`).waitFor();
    await page.getByText("not enough data yet").waitFor();
    await stage.open("Usage");
    await page.getByRole("row", { name: "Today 4 4 0" }).waitFor();
    await page.getByRole("row", { name: "/identify 4 4 0" }).waitFor();
    expect((await stage.send()).status).toBe(200);
    await page.getByRole("row", { name: "Today 5 5 0" }).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "CSV" }).click(),
    ]);
    expect(await readFile(await file.path(), "utf8")).toMatch(
      /^period,route,requests,.*\r\n.*,\/identify,5,5,0,/,
    );
    await page.getByLabel("Show").selectOption("12 weeks");
    await page.getByRole("row", { name: /^from .* 5 5 0$/ }).waitFor();
    expect(new URL(page.url()).search).toBe("?span=12w");
  });

  it.each(SCREENS)("%s has no axe violations, in light and dark, at 400 px and wide", async (name) => {
    await stage.open(name);
    await stage.page.getByText("Loading…").first().waitFor({ state: "detached" });
    expect(await stage.page.evaluate("document.activeElement.tagName")).toBe("H1");
    await stage.expectFlawless();
  });

  it("by key, shows plan and budget, and says what is needed to change them", async () => {
    await stage.open("Plan");
    await stage.page.getByText("Your plan is starter").waitFor();
    await stage.page.getByText(/provider of this API for a sign-in link/).waitFor();
    expect(await button(/budget|Change to/i).count()).toBe(0);
  });

  it("signs in by a link, once, and takes it out of the history", async () => {
    const { page, viewer } = stage;
    const link = await stage.link();
    // In the tab that shows the portal: only the fragment changes.
    await page.goto(link);
    await page.getByText(/^Signed in by link until/).waitFor();
    expect(page.url()).not.toContain("link");
    await page.goBack();
    expect(page.url()).not.toContain("link");
    await page.goto(link);
    await page.getByText("This link was used before, or it has expired.").waitFor();
    await stage.expectFlawless();
    await page.goto(await stage.link());
    await page.getByText(/^Signed in by link until/).waitFor();
    expect(viewer.faults()).toEqual([]);
  });

  it("asks before a link signs in to another account, and all tabs show the account that is signed in", async () => {
    const { page, viewer } = stage;
    await stage.admin("POST", "accounts", { id: "other", name: "Other Ltd", tier: "starter" });
    const link = await stage.link("other");
    const [question] = await Promise.all([page.waitForEvent("dialog"), page.goto(link)]);
    expect(question.message()).toBe("The link is for other. Sign out of Acme Weather?");
    await question.dismiss();
    await page.getByText("Acme Weather").waitFor();
    expect(page.url()).not.toContain("link");
    const tab = await viewer.context.newPage();
    await tab.goto(new URL("/portal/plan", stage.url).href);
    await tab.getByText("Acme Weather").waitFor();
    for (const [to, name] of [
      [link, "Other Ltd"],
      [await stage.link(), "Acme Weather"],
    ] as const) {
      page.once("dialog", (dialog) => void dialog.accept());
      await page.goto(to);
      for (const one of [page, tab]) await one.getByText(name).waitFor();
    }
    await tab.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("Your session has ended. Sign in again.").waitFor();
    await tab.close();
    await page.goto(await stage.link());
    await page.getByText(/^Signed in by link until/).waitFor();
    // The page may have polled before it knew.
    expect(viewer.faults().filter((fault) => !fault.includes("401"))).toEqual([]);
  });

  it("stops the customer exactly at the budget that they set, says so, and goes on when they raise it", async () => {
    const { page, viewer } = stage;
    await stage.open("Plan");
    await button("Set a budget").click();
    await page.getByLabel("Budget in EUR, before tax").fill("1");
    expect(await viewer.axe()).toEqual([]);
    expect(await stage.confirm("Set budget")).toBe("Your budget is €1.00 a period.");
    await page.getByText("€1.00 a period").waitFor();
    const { allowance } = await stage.billing();
    // At 0.5 a token. Of a period that began in the middle of a month, a part of the month's tokens is included.
    const stopsAt = allowance.included + 2;
    expect(allowance.amount).toBeCloseTo(stopsAt, 6);
    let allowed = 0;
    let last = await stage.send();
    for (; last.status === 200; last = await stage.send()) allowed += 1;
    expect(allowed).toBe(Math.floor(stopsAt - allowance.used));
    expect(last.status).toBe(429);
    expect(last.json()).toMatchObject({ code: "budget_reached" });
    await stage.open("Now");
    await page.getByText(/^Requests are denied until .*: your budget is used up\./).waitFor();
    const over = exact(allowance.used + allowed - allowance.included);
    await page.getByText(`included tokens used, and ${over} beyond them`).waitFor();
    await stage.expectFlawless();
    await stage.open("Plan");
    await button("Change budget").click();
    await page.getByLabel("Budget in EUR, before tax").fill("1.5");
    await stage.confirm("Set budget");
    expect([(await stage.send()).status, (await stage.send()).status]).toEqual([200, 429]);
    await button("Remove budget").click();
    expect(await stage.confirm("Remove budget")).toBe("You have no budget.");
    expect((await stage.send()).status).toBe(200);
    expect(viewer.faults()).toEqual([]);
  });

  it("creates a key, rotates it with both working in the grace period, and revokes the old one", async () => {
    const { page, viewer } = stage;
    await stage.open("Keys");
    await button("New key").click();
    await page.getByLabel("Name").fill("laptop");
    const shown = async (verb: string) => {
      await page.getByRole("dialog").getByRole("button", { name: verb, exact: true }).click();
      const key = await page.getByRole("dialog").locator("code").innerText();
      expect(await viewer.axe()).toEqual([]);
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
      return key;
    };
    const first = await shown("Create key");
    expect((await stage.send(first)).status).toBe(200);
    await button("Rotate laptop").click();
    await page.getByLabel("The old key works for").selectOption("1 hour");
    expect(await viewer.axe()).toEqual([]);
    const second = await shown("Rotate");
    expect(second).not.toBe(first);
    expect([(await stage.send(first)).status, (await stage.send(second)).status]).toEqual([200, 200]);
    const old = page.getByRole("listitem").filter({ hasText: "Works until" });
    await old.getByRole("button", { name: "Revoke laptop" }).click();
    expect(await stage.confirm("Revoke")).toBe("The key is revoked.");
    expect([(await stage.send(first)).status, (await stage.send(second)).status]).toEqual([401, 200]);
    await page.getByRole("listitem").filter({ hasText: "revoked" }).waitFor();
    await stage.expectFlawless();
  });

  it("keeps its data while the API fails, says so, and recovers", async () => {
    const { page, viewer } = stage;
    await stage.open("Now");
    await page.getByText(/^Today, in UTC/).waitFor();
    const detail = "The account does not answer.";
    await page.route("**/api/v1/portal/**", (route) =>
      route.fulfill({ status: 503, json: { title: "Service Unavailable", detail } }),
    );
    await page.getByText(detail).first().waitFor();
    expect(await page.getByText(/^Today, in UTC/).isVisible()).toBe(true);
    await page.unroute("**/api/v1/portal/**");
    await page.getByText(detail).first().waitFor({ state: "detached" });
    expect(viewer.faults().filter((fault) => !fault.includes("503"))).toEqual([]);
  });

  it("says the price of another plan before the change, and the invoice has the same", async () => {
    const { page, viewer } = stage;
    await stage.open("Plan");
    await button("Change to growth").click();
    const dialog = page.getByRole("dialog");
    const fact = await dialog.getByText(/for the period until/).innerText();
    const [price = "", before = ""] = fact.match(/€[\d.]+/g) ?? [];
    expect(Number(price.slice(1))).toBeGreaterThan(Number(before.slice(1)));
    await dialog.getByText("Line by line").click();
    await dialog
      .getByRole("row", { name: /^growth: base fee/ })
      .first()
      .waitFor();
    expect(await viewer.axe()).toEqual([]);
    expect(await stage.confirm("Change to growth")).toContain(
      `Your plan is growth now. The next invoice comes to ${price}`,
    );
    await page.getByText("Your plan is growth").waitFor();
    expect((await stage.billing()).tier).toBe("growth");

    await stage.closePeriod();
    await eventually(30_000, "the invoice is issued", () => stage.issueInvoice());
    // The session of the month before has ended.
    await viewer.goTo("invoices");
    await stage.signIn(stage.key);
    const invoice = page.getByRole("listitem").filter({ hasText: "INV-000001" });
    await invoice.getByText(price).first().waitFor();
    await stage.expectFlawless();
    const [document] = await Promise.all([
      viewer.context.waitForEvent("page"),
      invoice.getByRole("link", { name: "Page of INV-000001" }).click(),
    ]);
    await document.getByText(price.slice(1)).first().waitFor();
    await document.close();
    const path = await invoice.getByRole("link", { name: "PDF of INV-000001" }).getAttribute("href");
    const pdf = await viewer.context.request.get(new URL(path ?? "", stage.url).href);
    expect([pdf.status(), pdf.headers()["content-type"]]).toEqual([200, "application/pdf"]);
  });

  it("by key, replaces that key, can only read from then on, and is signed out when the key ends", async () => {
    const { page, viewer } = stage;
    await stage.open("Keys");
    await button(/^Rotate (?!laptop)/).click();
    await page.getByText(/your session ends then, too/).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Rotate", exact: true }).click();
    const key = await page.getByRole("dialog").locator("code").innerText();
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await page.getByText(/^This session can only read them/).waitFor();
    expect(await button(/Rotate|Revoke|New key/).count()).toBe(0);
    await stage.expectFlawless();
    await stage.revokeKeys((expiresAt) => expiresAt !== null);
    await page.getByText("Your session has ended. Sign in again.").waitFor({ timeout: 30_000 });
    await stage.signIn(key);
    await page.getByRole("heading", { level: 1, name: "Keys" }).waitFor();
    await button("New key").waitFor();
    // Polls until the page knew that the session had ended.
    expect(viewer.faults().filter((fault) => !fault.includes("401"))).toEqual([]);
  });

  it("works by keyboard alone, and signs out everywhere", async () => {
    const { page, viewer } = stage;
    const [cookie] = await viewer.context.cookies(new URL("/api/v1/portal/session", stage.url).href);
    await viewer.goTo("");
    await page.getByRole("heading", { level: 1, name: "Now" }).waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Usage" }).waitFor();
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Usage");
    await button("Sign out").click();
    await page.getByText("You are signed out.").waitFor();
    await viewer.context.addCookies(cookie ? [cookie] : []);
    await page.reload();
    await page.getByLabel("API key").waitFor();
    viewer.faults();
  });
});
