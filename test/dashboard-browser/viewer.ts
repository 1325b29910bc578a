/**
 * Somebody before the dashboard: a Chromium of the machine's own, and what it complains about. Never downloads a browser, and asks
 * no other host for anything.
 */
import { access } from "node:fs/promises";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { ADMIN_TOKEN } from "../blackbox/checkout.ts";

/** Debian's, unless the environment names another. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** A busy machine may take some seconds to draw. */
const PATIENCE_MS = 15_000;
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Whether there is a browser. */
export const HAS_CHROMIUM: boolean = await access(CHROMIUM).then(
  () => true,
  () => false,
);

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export class Viewer {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly #url: URL;
  #faults: string[] = [];

  private constructor(url: URL, context: BrowserContext, page: Page) {
    this.#url = url;
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (thrown) => this.#faults.push(String(thrown)));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const { url: source } = message.location();
      // Before the sign-in the page asks whether there is a session.
      if (message.text().includes("401") && source.endsWith("/api/v1/admin/session")) return;
      this.#faults.push(`${message.text()} ${source}`);
    });
    page.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      if (/^(https?|wss?):$/.test(protocol) && host !== url.host) this.#faults.push(`asked ${host}`);
    });
  }

  /** A browser without any history. */
  static async arrive(browser: Browser, url: URL): Promise<Viewer> {
    const context = await browser.newContext({
      viewport: { width: 1_280, height: 900 },
      reducedMotion: "reduce",
    });
    return new Viewer(url, context, await context.newPage());
  }

  /** Opens a screen by its path below /dashboard/. */
  async open(screen: string): Promise<void> {
    await this.page.goto(new URL(`/dashboard/${screen}`, this.#url).href);
  }

  async signIn(token = ADMIN_TOKEN): Promise<void> {
    await this.page.getByLabel("Admin token").fill(token);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Fills in the open dialog's reason, confirms by the button of that name, and waits for the result, which it returns. */
  async confirm(verb: string, reason: string): Promise<string> {
    const dialog = this.page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill(reason);
    await dialog.getByRole("button", { name: verb, exact: true }).click();
    const result = await dialog.getByRole("status").innerText();
    await dialog.getByRole("button", { name: "Close" }).click();
    await dialog.waitFor({ state: "detached" });
    return result;
  }

  /** What axe finds, a line each: rule, place and why. `rules`: only these. */
  async axe(rules?: readonly string[]): Promise<string[]> {
    // By the debugger's door, which the page's policy does not bar: the policy itself stays in force.
    await this.page.evaluate(await readFile(AXE, "utf8"));
    const only = rules ? { runOnly: { type: "rule", values: rules } } : {};
    const found: unknown = await this.page.evaluate(
      `axe.run(document, ${JSON.stringify({ resultTypes: ["violations"], ...only })}).then(({ violations }) =>
        violations.flatMap(({ id, nodes }) => nodes.map((node) => id + " " + node.target.join(" ") + ": " + node.failureSummary)))`,
    );
    return Array.isArray(found) ? found.map(String) : [`axe answered ${typeof found}`];
  }

  /** How much wider than the window the page is, px. */
  async overflow(): Promise<number> {
    return Number(await this.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"));
  }

  /** Labels of charts' axes that begin outside of their picture. */
  async croppedLabels(): Promise<unknown> {
    return this.page.evaluate(
      `[...document.querySelectorAll("svg .tick")].filter((label) =>
        label.getBoundingClientRect().left < label.ownerSVGElement.getBoundingClientRect().left).map((label) => label.textContent)`,
    );
  }

  /** What went wrong in the page since the last time it was asked. */
  faults(): string[] {
    return this.#faults.splice(0);
  }
}
