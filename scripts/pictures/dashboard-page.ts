/** What all pictures of the dashboard need: signing in, a policy draft, and a page that has stopped moving. */
import type { Page } from "playwright-core";
import { halvedFree } from "../demo-traffic/policy-change.ts";

export const ADMIN_TOKEN = "pictures-admin-token";

/** Long enough to draw the answers and to animate the meters. */
const SETTLE_MS = 2_500;

export async function signIn(page: Page, url: URL): Promise<void> {
  await page.goto(new URL("/dashboard", url).href);
  await page.getByLabel("Admin token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

/** Opens a screen by its path below /dashboard/. */
export async function open(page: Page, url: URL, screen: string, shows?: string): Promise<void> {
  await page.goto(new URL(`/dashboard/${screen}`, url).href);
  const heading = page.getByRole("heading", shows === undefined ? { level: 1 } : { name: shows });
  await heading.first().waitFor();
}

export async function settle(page: Page): Promise<void> {
  await page.waitForTimeout(SETTLE_MS);
}

/** Drafts a policy with half the tokens for the free tier, on the Policy screen. */
export async function draft(page: Page, url: URL): Promise<void> {
  // The session's cookie is the page's.
  const answer: { document: unknown } = await (
    await page.request.get(new URL("/api/v1/admin/policy", url).href)
  ).json();
  await open(page, url, "policy");
  await page.getByLabel("Policy document").focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(JSON.stringify(halvedFree(answer.document), null, 2));
}
