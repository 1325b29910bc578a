/**
 * The dashboard as an operator uses it: the started product, real traffic, a real browser. A change made in the page applies to the
 * next request.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, type Checkout, makeCheckout, LONG_DEADLINE } from "../blackbox/checkout.ts";
import { type Answer, request } from "../blackbox/client.ts";
import { eventually, newAccount, type Product, startProduct } from "../blackbox/product.ts";
import { hasChromium, launchChromium } from "../../scripts/chromium.ts";
import { Viewer } from "./viewer.ts";

const HAS_CHROMIUM = await hasChromium();
if (!HAS_CHROMIUM)
  process.stderr.write(
    "Chromium not found: skipping the browser tests of the dashboard (CHROMIUM=<path> names another)\n",
  );

const LONG_ID = `long-${"x".repeat(195)}`;
const LONG_NAME = "N".repeat(200);
const BURST = 150;

let checkout: Checkout;
let product: Product;
let browser: Browser;
/** A viewer who is signed in as an administrator. */
let viewer: Viewer;
const keys = new Map<string, string>();

async function send(user: string, path = "/identify"): Promise<Answer> {
  return request(new URL(path, product.url), { headers: { "X-API-Key": keys.get(user) ?? "" } });
}

/** Sends requests until the free tier's burst is used up. */
async function exhaust(user: string): Promise<void> {
  for (let i = 0; i < 2 * BURST; i += 10) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(user)));
    if (answers.every(({ status }) => status === 429)) return;
  }
  throw new Error(`${user} is never denied`);
}

/** Changes an account with the admin API. */
async function change(method: string, user: string, body?: object): Promise<void> {
  const url = new URL(`/api/v1/admin/accounts/${user}`, product.url);
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const { status } = await request(url, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect(status).toBeLessThan(300);
}

/** Opens the screen and waits for its heading. */
async function open(screen: string, heading: string | RegExp): Promise<void> {
  await viewer.goTo(screen);
  await viewer.page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

describe.skipIf(!HAS_CHROMIUM)("the dashboard in a browser", () => {
  beforeAll(async () => {
    checkout = await makeCheckout({ devVars: LONG_DEADLINE });
    [product, browser] = await Promise.all([startProduct(checkout), launchChromium()]);
    viewer = await Viewer.open(browser, product.url);
  });

  afterAll(async () => {
    await browser?.close();
    await product?.run.stop();
    await checkout?.remove();
  });

  it("signs in with an admin token, and rejects any other", async () => {
    const { page } = viewer;
    await viewer.goTo("overview");
    await viewer.signIn("not the token");
    await page.getByRole("alert").getByText("This is not an admin token").waitFor();
    expect(viewer.faults().filter((fault) => !fault.includes("401"))).toEqual([]);
    await viewer.signIn();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    const [cookie] = await viewer.context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    expect(
      await page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])"),
    ).not.toContain(ADMIN_TOKEN);
  });

  it("says how to begin when there is no data yet", async () => {
    await open("overview", "Overview");
    await viewer.page.getByText("Send one, and it appears here within seconds").waitFor();
    await open("simulator", "Simulator");
    await viewer.page.getByText("Nothing was recorded in this period").waitFor();
    for (const [screen, heading] of [
      ["live", "Live"],
      ["decisions", "Decisions"],
      ["user?id=nobody-yet", /nobody-yet/],
      ["system", "System"],
    ] as const) {
      await open(screen, heading);
    }
    // The user without an account answers 404.
    expect(viewer.faults().filter((fault) => !fault.includes("404"))).toEqual([]);
  });

  it("shows the demo's traffic, and the demo restores the policy when it stops", async () => {
    const { PATH, HOME } = process.env;
    const env = {
      PATH,
      HOME,
      PORT: product.url.port,
      NODE_COMPILE_CACHE: `${checkout.directory}/.compile-cache`,
    };
    const args = ["scripts/demo-traffic.ts", "--minutes", "0.1"];
    const demo = spawn(process.execPath, args, {
      cwd: checkout.directory,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [demo.stdout, demo.stderr]) stream.on("data", (text) => (output += String(text)));
    const ended = once(demo, "exit");
    try {
      const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
      const policy = new URL("/api/v1/admin/policy", product.url);
      await eventually(30_000, "the demo changed the policy", async () =>
        (await request(policy, { headers })).headers.etag === '"1"' ? true : null,
      );
    } finally {
      demo.kill("SIGINT");
    }
    expect(await ended, output).toEqual([0, null]);
    expect(output).toMatch(/Done: \d+ sent, [1-9]\d* allowed/);
    await open("policy", /revision 2 is in force/);
    await viewer.page.getByText("restore the free tier's limits").first().waitFor();
    await open("overview", "Overview");
    await viewer.page.getByRole("link", { name: "/identify" }).waitFor();
    expect(viewer.faults()).toEqual([]);
  });

  it("applies a grant, reset, block or tier change to the next request", async () => {
    const { page } = viewer;
    for (const user of ["ann", "bob"]) keys.set(user, await newAccount(product, user, "free"));
    keys.set(LONG_ID, await newAccount(product, LONG_ID, "pro", LONG_NAME));
    await exhaust("ann");
    await open("user?id=ann", /ann/);
    const click = (name: string) => page.getByRole("button", { name, exact: true }).click();

    await click("Grant extra");
    await page.getByRole("dialog").getByLabel("Extra tokens").fill("50");
    expect(await viewer.confirm("Grant", "they asked nicely")).toContain("ann has 50 more of minute");
    expect((await send("ann")).status).toBe(200);

    await exhaust("ann");
    await click("Reset");
    expect(await viewer.confirm("Reset", "our mistake")).toContain("full again");
    const after = await send("ann");
    expect([after.status, after.headers["ratelimit"]]).toEqual([
      200,
      expect.stringContaining('"minute";r=199'),
    ]);

    await click("Block");
    expect(await viewer.confirm("Block", "abuse")).toContain("ann is blocked");
    expect((await send("ann")).status).toBe(403);
    await click("Unblock");
    await viewer.confirm("Unblock", "they promised");
    expect((await send("ann")).status).toBe(200);

    await click("Change tier");
    await page.getByRole("dialog").getByLabel("Tier").selectOption("pro");
    expect(await viewer.confirm("Change tier", "upgraded")).toContain("ann is in tier pro");
    expect((await send("ann")).headers["ratelimit-policy"]).toContain('"minute";q=1550');

    const history = page.getByRole("table").last();
    for (const reason of ["they asked nicely", "our mistake", "abuse", "they promised", "upgraded"]) {
      await history.getByText(reason).waitFor();
    }
    expect(viewer.faults()).toEqual([]);
  });

  it("simulates a draft, activates it, and rolls back", async () => {
    const { page } = viewer;
    await exhaust("bob");
    await open("policy", /revision 2 is in force/);
    const editor = page.getByLabel("Policy document");
    const before = await editor.inputValue();
    await editor.fill(
      before.replace(
        '"tokens": 100, "per": "minute", "burst": 150',
        '"tokens": 20, "per": "minute", "burst": 20',
      ),
    );
    await page.getByRole("link", { name: "Try it on recorded traffic" }).click();
    const denied = page.getByRole("region", { name: "Newly denied" });
    await denied.getByRole("link", { name: "bob" }).waitFor();
    await page.getByRole("link", { name: "Back to the draft" }).click();
    expect((await send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=150');

    await page.getByRole("button", { name: "Activate…" }).click();
    expect(await viewer.confirm("Activate", "tighter")).toContain("Revision 3 is in force");
    expect((await send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=20;w=60');

    await open("policy?revision=0", /Revision 0/);
    await page.getByRole("button", { name: "Roll back to this…" }).click();
    expect(await viewer.confirm("Roll back", "too tight")).toContain("Revision 4 is in force");
    expect((await send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=150');
    expect(viewer.faults()).toEqual([]);
  });

  it("locates the faults of a draft, and does not activate it", async () => {
    const { page } = viewer;
    await open("policy", /revision 4 is in force/);
    const editor = page.getByLabel("Policy document");
    await editor.fill((await editor.inputValue()).replace('"defaultTier": "free"', '"defaultTier": "fre"'));
    await page.getByText('unknown tier "fre"').waitFor();
    expect(await page.getByRole("button", { name: "Activate…" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Discard draft" }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
  });

  describe("every screen", () => {
    it.each([
      ["overview", "Overview", "Most denied"],
      ["live", "Live", "Connected"],
      ["decisions?outcome=denied", "Decisions", "minute"],
      ["user", "Users", "ann"],
      ["user?id=ann", /ann/, "Latest decisions"],
      [`user?id=${LONG_ID}`, /long-/, "tokens left until"],
      ["policy", /revision 4 is in force/, "too tight"],
      ["simulator", "Simulator", "Newly denied"],
      ["system", "System", "Rows written"],
    ])(
      "%s shows real traffic without axe violations, in light and dark, and at 400 px",
      async (screen, heading, text) => {
        const { page } = viewer;
        await open(screen, heading);
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
      },
    );
  });

  it("warns that accounts use what a draft lacks, and activates it after confirmation", async () => {
    const { page } = viewer;
    await open("policy", /revision 4 is in force/);
    const editor = page.getByLabel("Policy document");
    const draft = JSON.parse(await editor.inputValue());
    delete draft.tiers.pro;
    await editor.fill(JSON.stringify(draft));
    await page.getByText(/(has|have) the tier "pro", which this policy lacks/).waitFor();
    await page.getByRole("button", { name: "Activate…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/(has|have) the tier "pro"/).waitFor();
    await dialog.getByLabel("Reason").fill("pro is retired");
    await dialog.getByRole("button", { name: "Activate", exact: true }).click();
    await dialog.getByText("Confirm that above").waitFor();
    // Paths as validation has them, and its other warnings too.
    await dialog.getByText(/the tier "pro" is removed: tokens/).waitFor();
    expect(await dialog.getByText("/document/").count()).toBe(0);
    await dialog.getByLabel("Activate although accounts use what the policy lacks").check();
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Activate", "pro is retired")).toContain("Revision 5 is in force");
    await open("user?id=ann", /ann/);
    await page.getByText("The policy has no tier pro: the default tier free applies.").waitFor();
    await open("policy?revision=4", /Revision 4/);
    await page.getByRole("button", { name: "Roll back to this…" }).click();
    expect(await viewer.confirm("Roll back", "pro is back")).toContain("Revision 6 is in force");
    expect(viewer.faults().filter((fault) => !fault.includes("409"))).toEqual([]);
  });

  it("creates an account with an id that was in use, says what it takes over, and clears it", async () => {
    const { page } = viewer;
    await change("PATCH", "ann", { status: "blocked" });
    await change("DELETE", "ann");
    await open("user?id=ann", /ann/);
    await page.getByText("the block is still in force").waitFor();
    await page.getByRole("button", { name: "Create account" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("back again");
    await dialog.getByRole("button", { name: "Create", exact: true }).click();
    await dialog
      .getByText(/takes over its usage, its history and the spent part of .* blocked too/)
      .waitFor();
    await dialog.getByRole("button", { name: "Reset its limits" }).click();
    await dialog.getByText("Its limits are full.").waitFor();
    await dialog.getByRole("button", { name: "Unblock it" }).click();
    await dialog.getByText("It is no longer blocked.").waitFor();
    expect(await viewer.axe()).toEqual([]);
    await dialog.getByRole("button", { name: "Close" }).click();
    expect(viewer.faults().filter((fault) => !fault.includes("404"))).toEqual([]);
  });

  it("shows decisions live", async () => {
    await open("live", "Live");
    await viewer.page.getByText("Connected").waitFor();
    await send("bob", "/compare?a=1&b=2");
    await viewer.page.getByRole("row", { name: /bob/ }).first().waitFor();
  });

  it("works by keyboard alone: opens a screen by name, a user by id, a dialog, and closes it", async () => {
    const { page } = viewer;
    // The palette is open and focused as soon as it is visible.
    const palette = page.getByRole("combobox", { name: "Go to a screen or a user" });
    await open("overview", "Overview");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).not.toBe("none");
    await page.keyboard.press("Control+k");
    await palette.waitFor();
    await page.keyboard.type("poli");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /is in force/ }).waitFor();
    await page.keyboard.press("Control+k");
    await palette.waitFor();
    // The last item of a list that is longer than its box scrolls into view.
    await page.setViewportSize({ width: 1_280, height: 400 });
    await page.keyboard.press("ArrowUp");
    const isInView = `document.querySelector(".palette [aria-selected=true]:last-child")?.getBoundingClientRect().bottom
        <= document.querySelector(".palette ul").getBoundingClientRect().bottom + 1`;
    await expect.poll(() => page.evaluate(isInView)).toBe(true);
    await page.setViewportSize({ width: 1_280, height: 900 });
    await page.keyboard.type("bob");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /bob/ }).waitFor();
    const block = page.getByRole("button", { name: "Block", exact: true });
    await block.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    expect(await viewer.axe()).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Block");
  });

  it("shows failures of the API, keeps its data, and recovers when the API answers again", async () => {
    const { page } = viewer;
    await open("user?id=bob", /bob/);
    await page.getByText("this hour").waitFor();
    const isApi = "**/api/v1/admin/**";
    const detail = "The registry does not answer.";
    await page.route(isApi, (route) =>
      route.fulfill({ status: 503, json: { title: "Service Unavailable", detail } }),
    );
    await page.getByText(detail).first().waitFor();
    expect(await page.getByText("this hour").isVisible()).toBe(true);
    await page.reload();
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await page.unroute(isApi);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("this hour").waitFor();
    expect(viewer.faults().filter((fault) => !fault.includes("503"))).toEqual([]);
  });

  it("asks to sign in again when the session ends, and returns to the same screen", async () => {
    const { page } = viewer;
    await open("user?id=bob", /bob/);
    await viewer.context.clearCookies();
    await page.getByText("Your session has ended").waitFor();
    await viewer.signIn();
    await page.getByRole("heading", { level: 1, name: /bob/ }).waitFor();
    expect(viewer.faults().filter((fault) => !fault.includes("401"))).toEqual([]);
  });
});
