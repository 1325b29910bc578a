/**
 * A person at the dashboard or the portal: drives a browser and collects its errors. Reports any request to another host.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import { ADMIN_TOKEN } from "../blackbox/checkout.ts";

/** A busy machine can take seconds to render. */
const TIMEOUT_MS = 15_000;
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export class Viewer {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly #url: URL;
  /** "dashboard" or "portal". */
  readonly #app: string;
  #faults: string[] = [];

  private constructor(url: URL, app: string, context: BrowserContext, page: Page) {
    this.#url = url;
    this.#app = app;
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(TIMEOUT_MS);
    page.on("pageerror", (thrown) => this.#faults.push(String(thrown)));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const { url: source } = message.location();
      // Before sign-in, the page checks for a session.
      if (message.text().includes("401") && /\/api\/v1\/(admin|portal)\/session$/.test(source)) return;
      this.#faults.push(`${message.text()} ${source}`);
    });
    page.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      if (/^(https?|wss?):$/.test(protocol) && host !== url.host) this.#faults.push(`request to ${host}`);
    });
  }

  /** A viewer with a fresh browser profile. */
  static async open(browser: Browser, url: URL, app = "dashboard"): Promise<Viewer> {
    const context = await browser.newContext({
      viewport: { width: 1_280, height: 900 },
      reducedMotion: "reduce",
    });
    return new Viewer(url, app, context, await context.newPage());
  }

  /** Loads the page at a screen, by its path below that of the app. */
  async goTo(screen: string): Promise<void> {
    await this.page.goto(new URL(`/${this.#app}/${screen}`, this.#url).href);
  }

  /** Goes to a screen within the loaded page, as a link does: a fifth of the time. */
  async moveTo(screen: string): Promise<void> {
    const path = JSON.stringify(`/${this.#app}/${screen}`);
    await this.page.evaluate(
      `history.pushState(null, "", ${path}); dispatchEvent(new PopStateEvent("popstate"))`,
    );
  }

  async signIn(token = ADMIN_TOKEN): Promise<void> {
    await this.page.getByLabel("Admin token").fill(token);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Does a task of an operator, from the overview on. It must take at most four clicks; what is typed does not count. */
  async inFourClicks(task: () => Promise<void>): Promise<void> {
    await this.moveTo("overview");
    await this.page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await this.page.evaluate(
      `if (!("clicks" in window)) addEventListener("click", () => { clicks += 1; }, true); clicks = 0`,
    );
    await task();
    // The page must not have been loaded again: the count is its.
    const clicks = Number(await this.page.evaluate("clicks"));
    expect(clicks).toBeGreaterThan(0);
    expect(clicks).toBeLessThanOrEqual(4);
  }

  /** Enters a reason in the open dialog, confirms with the button `verb`, and returns the result. */
  async confirm(verb: string, reason: string): Promise<string> {
    const dialog = this.page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill(reason);
    await dialog.getByRole("button", { name: verb, exact: true }).click();
    const result = await dialog.getByRole("status").innerText();
    await dialog.getByRole("button", { name: "Close" }).click();
    await dialog.waitFor({ state: "detached" });
    return result;
  }

  /** The violations that axe finds in the open dialog, else in the page: rule, element and reason. @param rules checks only these. */
  async axe(rules?: readonly string[]): Promise<string[]> {
    // Evaluated through the debugger, which bypasses the CSP: the CSP itself stays in force. Once for each document.
    if ((await this.page.evaluate("typeof axe")) === "undefined") await this.page.evaluate(AXE);
    const only = rules ? { runOnly: { type: "rule", values: rules } } : {};
    const violations: unknown = await this.page.evaluate(
      `axe.run(document.querySelector("dialog[open]") ?? document, ${JSON.stringify({ resultTypes: ["violations"], ...only })}).then(({ violations }) =>
        violations.flatMap(({ id, nodes }) => nodes.map((node) => id + " " + node.target.join(" ") + ": " + node.failureSummary)))`,
    );
    return Array.isArray(violations) ? violations.map(String) : [`axe returned ${typeof violations}`];
  }

  /** By how many pixels the page is wider than the window. */
  async overflow(): Promise<number> {
    return Number(await this.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"));
  }

  /** Axis labels that start outside their chart. */
  async croppedLabels(): Promise<unknown> {
    return this.page.evaluate(
      `[...document.querySelectorAll("svg .tick")].filter((label) =>
        label.getBoundingClientRect().left < label.ownerSVGElement.getBoundingClientRect().left).map((label) => label.textContent)`,
    );
  }

  /** The errors in the page since the last call. */
  faults(): string[] {
    return this.#faults.splice(0);
  }
}
