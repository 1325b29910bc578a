/**
 * `npm run pictures`: writes docs/pictures, the README's screenshots of the dashboard in light and dark, or with --review pictures of
 * every screen. Starts a product and sends it demo traffic first, which takes some minutes. Needs Chromium (CHROMIUM: its path, if not
 * Debian's).
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { ABUSER } from "./demo-traffic/plan.ts";
import { type LocalProduct, startLocalProduct } from "./local-product.ts";
import { ADMIN_TOKEN, draft, open, settle, signIn } from "./pictures/dashboard-page.ts";
import { readPictureOptions, USAGE } from "./pictures/options.ts";
import { photographScreens } from "./pictures/review.ts";
import { demoTraffic, manyUsers, steadyTraffic } from "./pictures/traffic.ts";

const PICTURES = join(import.meta.dirname, "..", "docs", "pictures");
const SIZE = { width: 1_200, height: 760 };

interface Picture {
  readonly name: string;
  readonly screen: string;
  /** A heading that must be visible. */
  readonly shows: string;
}

/** Where pictures are taken. */
interface Studio {
  readonly product: LocalProduct;
  readonly browser: Browser;
  /** Holds the product's state. */
  readonly directory: string;
}

async function main(): Promise<void> {
  const options = readPictureOptions(process.argv.slice(2));
  switch (options.kind) {
    case "help":
      console.log(USAGE);
      return;
    case "fault":
      console.error(`${options.message}\n\n${USAGE}`);
      process.exitCode = 2;
      return;
    case "readme":
      return inStudio(readmePictures);
    case "review":
      return inStudio((studio) => reviewPictures(studio, options.directory, options.users));
  }
}

async function inStudio(work: (studio: Studio) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-pictures-"));
  const variables = { ADMIN_TOKEN, LIMITER_TIMEOUT_MS: "10000" };
  const product = await startLocalProduct({ port: 0, directory, variables });
  const browser = await launchChromium();
  try {
    await work({ product, browser, directory });
  } finally {
    await browser.close();
    await product.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function readmePictures({ product: { url }, browser, directory }: Studio): Promise<void> {
  const time = new URLSearchParams(await demoTraffic(url, directory));
  const pictures: readonly Picture[] = [
    { name: "overview", screen: `overview?${time}`, shows: "Top users" },
    { name: "user", screen: `user?id=${ABUSER.id}`, shows: "Limits" },
    { name: "simulator", screen: "simulator?range=15m", shows: "Newly denied" },
  ];
  await mkdir(PICTURES, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await browser.newPage({ viewport: SIZE, colorScheme, timezoneId: "UTC", locale: "en-GB" });
    await signIn(page, url);
    await draft(page, url);
    for (const { name, screen, shows } of pictures) {
      await open(page, url, screen, shows);
      await settle(page);
      await writeFile(join(PICTURES, `${name}-${colorScheme}.png`), await page.screenshot());
    }
    await page.close();
  }
}

async function reviewPictures(
  { product: { url }, browser, directory }: Studio,
  out: string,
  users: number,
): Promise<void> {
  await photographScreens(browser, url, join(out, "empty"), false);
  await demoTraffic(url, directory);
  const end = new AbortController();
  const traffic = steadyTraffic(url, directory, end.signal);
  try {
    await photographScreens(browser, url, join(out, "traffic"), true);
    if (users === 0) return;
    await manyUsers(url, directory, users);
    await photographScreens(browser, url, join(out, "users"), true);
  } finally {
    end.abort();
    await traffic;
  }
}

await main();
