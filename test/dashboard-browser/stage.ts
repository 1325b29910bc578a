/**
 * The started product and the browser that all screens are checked in: one of each, because starting them takes longer than most
 * checks. Screens are checked in the order of dashboard.test.ts, and each may use what the ones before left behind.
 */
import type { Browser } from "playwright-core";
import { expect } from "vitest";
import { launchChromium } from "../../scripts/chromium.ts";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { type Answer, request } from "../blackbox/client.ts";
import { newAccount, type Product, startProduct } from "../blackbox/product.ts";
import { FAKE_SECRET_KEY, StripeFake } from "../fixtures/stripe-fake.ts";
import { Viewer } from "./viewer.ts";

/** Less than the burst of the free tier. */
const MAX_COST = 128;

export class Stage {
  /** Where invoices go. */
  readonly stripe = new StripeFake(Date.now);
  #parts: { checkout: Checkout; product: Product; browser: Browser; viewer: Viewer } | null = null;
  readonly #keys = new Map<string, string>();
  /** A key that may ask for decisions about any user. */
  #checker: string | null = null;

  /** Call it before all tests. */
  async start(): Promise<void> {
    const stripe = {
      STRIPE_SECRET_KEY: FAKE_SECRET_KEY,
      STRIPE_WEBHOOK_SECRET: "whsec_browser",
      STRIPE_API_URL: await this.stripe.listen(),
    };
    const checkout = await makeCheckout({ devVars: { ...LONG_DEADLINE, ...stripe } });
    const [product, browser] = await Promise.all([startProduct(checkout), launchChromium()]);
    this.#parts = { checkout, product, browser, viewer: await Viewer.open(browser, product.url) };
  }

  /** Call it after all tests. */
  async stop(): Promise<void> {
    await this.#parts?.browser.close();
    await this.#parts?.product.run.stop();
    await this.#parts?.checkout.remove();
    await this.stripe.close();
  }

  /** The person at the dashboard: signed in as an administrator after sign-in.ts. */
  get viewer(): Viewer {
    return this.#started.viewer;
  }

  get product(): Product {
    return this.#started.product;
  }

  get checkout(): Checkout {
    return this.#started.checkout;
  }

  get #started() {
    if (!this.#parts) throw new Error("the product is not started yet");
    return this.#parts;
  }

  /** Creates an account, whose key `send` uses from then on. */
  async createUser(user: string, tier: string, name?: string): Promise<void> {
    this.#keys.set(user, await newAccount(this.product, user, tier, name));
  }

  /** Sends one request through the gateway as `user`. */
  async send(user: string, path = "/identify"): Promise<Answer> {
    return request(new URL(path, this.product.url), {
      headers: { "X-API-Key": this.#keys.get(user) ?? "" },
    });
  }

  /** Asks for a decision about any user. @returns its outcome. */
  async check(operation: object): Promise<string> {
    this.#checker ??= await this.#makeChecker();
    const { status, text } = await request(new URL("/api/v1/rate-limit/check", this.product.url), {
      method: "POST",
      headers: { "X-API-Key": this.#checker },
      body: JSON.stringify(operation),
    });
    expect(status, text).toBe(200);
    const { outcome }: { outcome: string } = JSON.parse(text);
    return outcome;
  }

  async #makeChecker(): Promise<string> {
    await this.admin("POST", "accounts", { id: "checker" });
    const issued = await this.admin("POST", "accounts/checker/keys", { scopes: ["check"] });
    const { key }: { key: string } = JSON.parse(issued.text);
    return key;
  }

  /** Uses up a bucket of the free tier, by ever smaller costs: a request for each token would take seconds. */
  async exhaust(user: string): Promise<void> {
    for (let cost = MAX_COST; cost >= 1; cost /= 2) {
      let spent = 0;
      while ((await this.check({ user, cost })) === "allowed") {
        spent += cost;
        if (spent > 4 * MAX_COST) throw new Error(`${user} is never denied`);
      }
    }
  }

  /** Calls the admin API, which must succeed. */
  async admin(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await request(new URL(`/api/v1/admin/${path}`, this.product.url), {
      method,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    expect(answer.status).toBeLessThan(300);
    return answer;
  }

  /** Opens the screen and waits for its heading. */
  async open(screen: string, heading: string | RegExp): Promise<void> {
    await this.viewer.moveTo(screen);
    await this.viewer.page.getByRole("heading", { level: 1, name: heading }).waitFor();
  }

  /** The screen shows `text`, has no axe violation in light and dark, and fits into 400 pixels. */
  async expectFlawless(screen: string, heading: string | RegExp, text: string): Promise<void> {
    const { viewer } = this;
    const { page } = viewer;
    await this.open(screen, heading);
    await page.getByText(text).filter({ visible: true }).first().waitFor();
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.croppedLabels()).toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await viewer.axe(["color-contrast"])).toEqual([]);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 400, height: 800 });
    expect(await viewer.overflow()).toBe(0);
    await page.setViewportSize({ width: 1_280, height: 900 });
    expect(viewer.faults()).toEqual([]);
  }
}
