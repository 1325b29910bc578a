/**
 * `npm run pictures`: writes docs/pictures, the README's screenshots of the dashboard in light and dark. Starts a product and
 * sends it demo traffic first, which takes some minutes. Needs Chromium (CHROMIUM: its path, if not Debian's).
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { seedTrafficAccounts } from "./demo-traffic/accounts.ts";
import { ABUSER, requestsOf } from "./demo-traffic/plan.ts";
import { halvedFree, PolicyChange } from "./demo-traffic/policy-change.ts";
import { Sender } from "./demo-traffic/sender.ts";
import { startLocalProduct } from "./local-product.ts";

const PICTURES = join(import.meta.dirname, "..", "docs", "pictures");
const ADMIN_TOKEN = "pictures-admin-token";
const TRAFFIC_S = 150;
/** The seconds in which the policy is tightened and restored. */
const HALVED_S = [60, 100] as const;
const SIZE = { width: 1_200, height: 760 };
/** Long enough to draw the answers and to animate the meters. */
const SETTLE_MS = 2_500;

interface Picture {
  readonly name: string;
  readonly screen: string;
  /** A heading that must be visible. */
  readonly shows: string;
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-pictures-"));
  const product = await startLocalProduct({
    port: 0,
    directory,
    variables: { ADMIN_TOKEN, LIMITER_TIMEOUT_MS: "10000" },
  });
  const browser = await launchChromium();
  try {
    const { from, to } = await traffic(product.url, directory);
    const time = new URLSearchParams({ from, to });
    const pictures: readonly Picture[] = [
      { name: "overview", screen: `overview?${time}`, shows: "Top users" },
      { name: "user", screen: `user?id=${ABUSER.id}`, shows: "Limits" },
      { name: "simulator", screen: "simulator?range=15m", shows: "Newly denied" },
    ];
    await mkdir(PICTURES, { recursive: true });
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await browser.newPage({ viewport: SIZE, colorScheme, timezoneId: "UTC", locale: "en-GB" });
      await signIn(page, product.url);
      await draft(page, product.url);
      for (const { name, screen, shows } of pictures) {
        await page.goto(new URL(`/dashboard/${screen}`, product.url).href);
        await page.getByRole("heading", { name: shows }).waitFor();
        await page.waitForTimeout(SETTLE_MS);
        await writeFile(join(PICTURES, `${name}-${colorScheme}.png`), await page.screenshot());
      }
      await page.close();
    }
  } finally {
    await browser.close();
    await product.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Sends the demo traffic. @returns when it started and ended, ISO 8601 in whole seconds. */
async function traffic(url: URL, directory: string): Promise<{ from: string; to: string }> {
  console.log(`Sending demo traffic for ${TRAFFIC_S} s ...`);
  const keys = await seedTrafficAccounts(url, ADMIN_TOKEN, directory);
  const sender = new Sender(url, keys);
  const policy = new PolicyChange(url, ADMIN_TOKEN);
  const { signal } = new AbortController();
  const fromMs = Date.now();
  for (let second = 0; second < TRAFFIC_S; second++) {
    if (second === HALVED_S[0]) await policy.halve();
    if (second === HALVED_S[1]) await policy.restore();
    await sender.second(requestsOf(second, Math.random), signal);
  }
  await sender.finished();
  console.log(`${sender.counts.sent} requests sent, ${sender.counts.denied} denied`);
  const second = (ms: number): string => new Date(Math.floor(ms / 1_000) * 1_000).toISOString();
  return { from: second(fromMs), to: second(Date.now()) };
}

async function signIn(page: Page, url: URL): Promise<void> {
  await page.goto(new URL("/dashboard", url).href);
  await page.getByLabel("Admin token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

/** Drafts a policy with half the tokens for the free tier, as input for the simulator. */
async function draft(page: Page, url: URL): Promise<void> {
  // The session's cookie is the page's.
  const answer: { document: unknown } = await (
    await page.request.get(new URL("/api/v1/admin/policy", url).href)
  ).json();
  await page.goto(new URL("/dashboard/policy", url).href);
  await page.getByLabel("Policy document").focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(JSON.stringify(halvedFree(answer.document), null, 2));
}

await main();
