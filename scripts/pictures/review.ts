/** Pictures of every screen, for a person to look at after a change: light, dark, and as wide as a phone. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { ABUSER } from "../demo-traffic/plan.ts";
import { draft, open, settle, signIn } from "./dashboard-page.ts";

const VIEWS = {
  light: { width: 1_280, height: 900, colorScheme: "light" },
  dark: { width: 1_280, height: 900, colorScheme: "dark" },
  phone: { width: 400, height: 800, colorScheme: "light" },
} as const;

interface Subject {
  readonly name: string;
  /** Its path below /dashboard/. */
  readonly screen: string;
  /** What to do there first. */
  readonly act?: (page: Page, url: URL) => Promise<void>;
  /** A dialog: only what is in view is photographed. */
  readonly isDialog?: true;
  /** Makes sense only with traffic. */
  readonly needsTraffic?: true;
}

const press = (name: string) => (page: Page) =>
  page.getByRole("button", { name, exact: true }).first().click();

const inPalette = (text: string) => async (page: Page) => {
  await page.keyboard.press("ControlOrMeta+k");
  await page.keyboard.insertText(text);
};

const NO_ID = "00000000-0000-4000-8000-000000000000";
const USER = `user?id=${ABUSER.id}`;

const SUBJECTS: readonly Subject[] = [
  { name: "overview", screen: "overview?range=15m" },
  { name: "live", screen: "live" },
  { name: "decisions", screen: "decisions?range=15m" },
  { name: "decision-not-found", screen: `decision?id=${NO_ID}` },
  { name: "decision", screen: "decisions?outcome=denied", act: openFirst, needsTraffic: true },
  { name: "users", screen: "user" },
  { name: "user-create", screen: "user", act: press("Create account"), isDialog: true },
  { name: "user-unknown", screen: "user?id=nobody-yet" },
  { name: "user", screen: USER, needsTraffic: true },
  { name: "user-raise", screen: USER, act: press("Raise a limit"), isDialog: true, needsTraffic: true },
  { name: "user-key", screen: USER, act: press("Issue key"), isDialog: true, needsTraffic: true },
  { name: "user-block", screen: USER, act: press("Block"), isDialog: true, needsTraffic: true },
  { name: "simulator-no-draft", screen: "simulator?range=15m" },
  { name: "policy", screen: "policy" },
  { name: "policy-draft", screen: "policy", act: draft },
  // The draft stays for these.
  { name: "policy-activate", screen: "policy", act: press("Activate…"), isDialog: true },
  { name: "simulator", screen: "simulator?range=15m" },
  { name: "billing", screen: "billing" },
  { name: "webhooks", screen: "webhooks" },
  { name: "system", screen: "system" },
  { name: "palette", screen: "overview", act: inPalette(""), isDialog: true },
  { name: "palette-user", screen: "overview", act: inPalette("demo"), isDialog: true, needsTraffic: true },
  { name: "palette-request-id", screen: "overview", act: inPalette(NO_ID), isDialog: true },
];

/** Writes the pictures `<name>-<view>.png`. @param hasTraffic whether the product has any. */
export async function photographScreens(
  browser: Browser,
  url: URL,
  directory: string,
  hasTraffic: boolean,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [view, { width, height, colorScheme }] of Object.entries(VIEWS)) {
    const page = await browser.newPage({
      viewport: { width, height },
      colorScheme,
      locale: "en-GB",
      reducedMotion: "reduce",
    });
    const photograph = async (name: string, fullPage: boolean): Promise<void> => {
      await page.screenshot({ path: join(directory, `${name}-${view}.png`), fullPage });
    };
    await page.goto(new URL("/dashboard", url).href);
    await page.getByLabel("Admin token").waitFor();
    await photograph("sign-in", false);
    await signIn(page, url);
    for (const { name, screen, act, isDialog = false, needsTraffic = false } of SUBJECTS) {
      if (needsTraffic && !hasTraffic) continue;
      await open(page, url, screen);
      await settle(page);
      if (act) {
        await act(page, url);
        await settle(page);
      }
      await photograph(name, !isDialog);
    }
    await page.close();
  }
}

/** Opens the page of the newest decision in the log. */
async function openFirst(page: Page): Promise<void> {
  await page.getByRole("group", { name: "Decisions", exact: true }).getByRole("link").first().click();
  await page.getByRole("heading", { level: 1, name: / by / }).waitFor();
}
