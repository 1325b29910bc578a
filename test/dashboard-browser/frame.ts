/** What all screens share: sign-in, the palette, and how failures and the end of a session are shown. */
import { expect, it } from "vitest";
import { ADMIN_TOKEN } from "../blackbox/checkout.ts";
import type { Stage } from "./stage.ts";

/** Leaves the viewer signed in. */
export function checkSignIn(stage: Stage): void {
  it("signs in with an admin token, and rejects any other", async () => {
    const { viewer } = stage;
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
}

/** The palette, dialogs and focus. */
export function checkKeyboard(stage: Stage): void {
  it("finds users who exist and the decision of a pasted request id, and nothing else", async () => {
    const { page } = stage.viewer;
    await stage.open("system", "System");
    await page.keyboard.press("Control+k");
    const palette = page.getByRole("combobox", { name: "A screen, a user or a request id" });
    await palette.fill("bo");
    await page.getByRole("option", { name: /^bob/ }).waitFor();
    await palette.fill("nobody-of-this-name");
    await page.getByText("No screen or user matches.").waitFor();
    expect(await page.getByRole("listbox").getByRole("option").count()).toBe(0);
    await page.keyboard.press("Enter");
    expect(new URL(page.url()).pathname).toBe("/dashboard/system");
    const id = "0b6c1a52-3d1f-4a57-9a0e-2f4b8f6c7d10";
    await palette.fill(`{"event":"denied","requestId":"${id}"}`);
    await page.getByRole("option", { name: id }).waitFor();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.url()).toContain(`/dashboard/decision?id=${id}`);
    // It is not in the log.
    stage.viewer.faults();
  });

  it("says what to do when the code of a screen cannot be loaded", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await page.route(/other-screens/, (route) => route.abort());
    await viewer.goTo("simulator");
    await page.getByRole("alert").getByText("could not be loaded").waitFor();
    await page.unroute(/other-screens/);
    await page.getByRole("button", { name: "Reload the page" }).click();
    await page.getByRole("heading", { level: 2 }).first().waitFor();
    expect(viewer.faults().filter((fault) => !fault.includes("ERR_FAILED"))).toEqual([]);
  });

  it("works by keyboard alone: opens a screen by name, a user by id, a dialog, and closes it", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    // The palette is open and focused as soon as it is visible.
    const palette = page.getByRole("combobox", { name: "A screen, a user or a request id" });
    await stage.open("overview", "Overview");
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
    await page.getByRole("option", { name: /^bob/ }).waitFor();
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
}

/** Ends signed in. */
export function checkFailures(stage: Stage): void {
  it("shows failures of the API, keeps its data, and recovers when the API answers again", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("user?id=bob", /bob/);
    await page.getByText("Tokens today").first().waitFor();
    const isApi = "**/api/v1/admin/**";
    const detail = "The registry does not answer.";
    await page.route(isApi, (route) =>
      route.fulfill({ status: 503, json: { title: "Service Unavailable", detail } }),
    );
    await page.getByText(detail).first().waitFor();
    expect(await page.getByText("Tokens today").first().isVisible()).toBe(true);
    await page.reload();
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await page.unroute(isApi);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Tokens today").first().waitFor();
    expect(viewer.faults().filter((fault) => !fault.includes("503"))).toEqual([]);
  });

  it("asks to sign in again when the session ends, and returns to the same screen", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("user?id=bob", /bob/);
    await viewer.context.clearCookies();
    await page.getByText("Your session has ended").waitFor();
    await viewer.signIn();
    await page.getByRole("heading", { level: 1, name: /bob/ }).waitFor();
    expect(viewer.faults().filter((fault) => !fault.includes("401"))).toEqual([]);
  });
}
