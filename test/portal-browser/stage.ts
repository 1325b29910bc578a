/** A product with a portal, a customer with a key, and the browser in which they use it. Months pass by the product's clock. */
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import * as z from "zod/mini";
import { launchChromium } from "../../scripts/chromium.ts";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { type Answer, request } from "../blackbox/client.ts";
import { freePort, newAccount, type Product, publishPolicy, startProduct } from "../blackbox/product.ts";
import { Viewer } from "../dashboard-browser/viewer.ts";

const HOUR_MS = 3_600_000;
const UNPRICED = { limits: [] };
const now = new Date();
/** In the middle of the next month. */
const START_MS = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 15, 12);
/** When the invoice of that month is issued: two hours after its end, after the shortest review. */
const CLOSED_MS = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 2) + 5 * HOUR_MS;

/** Strict and exact, so that the last request before a cap is known. */
const metered = (amount: number, base: string) => ({
  mode: "strict",
  durability: "exact",
  limits: [
    { name: "minute", kind: "bucket", tokens: 100, per: "minute", burst: 150 },
    {
      name: "month",
      kind: "quota",
      amount,
      per: "month",
      overage: { mode: "payg", price: { model: "unit", unit: "0.5" } },
    },
  ],
  plan: { base },
});

const POLICY = {
  tiers: {
    ...Object.fromEntries(
      ["anonymous", "free", "pro", "enterprise", "partner"].map((name) => [name, UNPRICED]),
    ),
    starter: metered(20, "1"),
    growth: metered(1_000, "3"),
  },
  billing: {
    currency: "EUR",
    reviewMinutes: 0,
    taxes: [{ country: "DE", name: "VAT", percent: "19" }],
    portal: { keys: true, tiers: ["starter", "growth"] },
  },
};

const billingSchema = z.object({
  tier: z.string(),
  budget: z.nullable(z.string()),
  accrued: z.object({ total: z.string() }),
  allowance: z.object({ included: z.number(), used: z.number(), amount: z.nullable(z.number()) }),
});
const invoicesSchema = z.object({ invoices: z.array(z.object({ id: z.string(), status: z.string() })) });
const keysSchema = z.object({
  keys: z.array(z.object({ keyId: z.string(), expiresAt: z.nullable(z.string()) })),
});

export class Stage {
  #parts: { checkout: Checkout; port: number; product: Product; browser: Browser; viewer: Viewer } | null =
    null;
  /** The customer's first key. */
  key = "";

  async start(): Promise<void> {
    const checkout = await makeCheckout({ devVars: LONG_DEADLINE });
    const port = await freePort();
    const [product, browser] = await Promise.all([
      startProduct(checkout, { port, clockOffsetMs: START_MS - Date.now() }),
      launchChromium(),
    ]);
    const viewer = await Viewer.open(browser, product.url, "portal");
    this.#parts = { checkout, port, product, browser, viewer };
    await viewer.page.clock.install({ time: START_MS });
    await publishPolicy(product, POLICY);
    this.key = await newAccount(product, "acme/1", "starter", "Acme Weather");
    await this.admin("PATCH", "accounts/acme%2F1/billing", { customer: { name: "Acme", country: "DE" } });
  }

  async stop(): Promise<void> {
    await this.#parts?.browser.close();
    await this.#parts?.product.run.stop();
    await this.#parts?.checkout.remove();
  }

  /** Restarts the product when the billing period is over and its invoice is due to be issued. */
  async closePeriod(): Promise<void> {
    const parts = this.#started;
    // An open page would poll a product that is not there.
    await this.page.goto("about:blank");
    await parts.product.run.stop();
    parts.product = await startProduct(parts.checkout, {
      port: parts.port,
      clockOffsetMs: CLOSED_MS - Date.now(),
    });
    await this.viewer.page.clock.setSystemTime(CLOSED_MS);
  }

  get viewer(): Viewer {
    return this.#started.viewer;
  }

  get page(): Page {
    return this.viewer.page;
  }

  get url(): URL {
    return this.#started.product.url;
  }

  get #started() {
    if (!this.#parts) throw new Error("the product is not started yet");
    return this.#parts;
  }

  /** A request of the customer, of one token. */
  async send(key = this.key): Promise<Answer> {
    return request(new URL("/identify", this.url), { headers: { "X-API-Key": key } });
  }

  /** Calls the admin API, which must succeed. */
  async admin(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await request(new URL(`/api/v1/admin/${path}`, this.url), {
      method,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer;
  }

  /** The customer's billing as the operator sees it. */
  async billing(): Promise<z.infer<typeof billingSchema>> {
    return billingSchema.parse((await this.admin("GET", "accounts/acme%2F1/billing")).json());
  }

  /** Ends the review of a draft. @returns null until the invoice has a number. */
  async issueInvoice(): Promise<true | null> {
    const path = "accounts/acme%2F1/invoices";
    const [invoice] = invoicesSchema.parse((await this.admin("GET", path)).json()).invoices;
    if (invoice?.status === "draft")
      await this.admin("POST", `${path}/${encodeURIComponent(invoice.id)}/finalize`, {});
    return invoice?.status === "issued" || null;
  }

  /** Revokes those of the customer's keys that `isMeant` selects, as the operator. */
  async revokeKeys(isMeant: (expiresAt: string | null) => boolean): Promise<void> {
    const path = "accounts/acme%2F1/keys";
    const { keys } = keysSchema.parse((await this.admin("GET", path)).json());
    for (const { keyId, expiresAt } of keys) {
      if (isMeant(expiresAt)) await this.admin("DELETE", `${path}/${keyId}`);
    }
  }

  /** A sign-in link, as the provider sends it. */
  async link(account = "acme/1"): Promise<string> {
    const path = `accounts/${encodeURIComponent(account)}/portal-sessions`;
    const made = await this.admin("POST", path, {});
    return z.object({ url: z.string() }).parse(made.json()).url;
  }

  async signIn(key: string): Promise<void> {
    await this.page.getByLabel("API key").fill(key);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Opens a screen by its name in the navigation. */
  async open(name: string): Promise<void> {
    await this.page.getByRole("navigation", { name: "Screens" }).getByRole("link", { name }).click();
    await this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  /** Confirms in the open dialog, and returns the result. */
  async confirm(verb: string): Promise<string> {
    const dialog = this.page.getByRole("dialog");
    await dialog.getByRole("button", { name: verb, exact: true }).click();
    const result = await dialog.getByRole("status").first().innerText();
    await dialog.getByRole("button", { name: "Close" }).click();
    await dialog.waitFor({ state: "detached" });
    return result;
  }

  /** The screen that is shown has no axe violation in light and dark, at 400 px and wide, and nothing is cut. */
  async expectFlawless(): Promise<void> {
    const { viewer, page } = this;
    for (const width of [400, 1_280]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await viewer.axe()).toEqual([]);
      expect(await viewer.overflow()).toBe(0);
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await viewer.axe(["color-contrast"])).toEqual([]);
      await page.emulateMedia({ colorScheme: "light" });
    }
    await page.setViewportSize({ width: 400, height: 900 });
    expect(viewer.faults()).toEqual([]);
  }
}
