/** The decision log, and the page of a decision. */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { publishPolicy } from "../blackbox/product.ts";
import type { Stage } from "./stage.ts";

const USER = "dora";

/** Leaves a user whose burst is used up. */
export function checkDecisions(stage: Stage): void {
  let requestId = "";

  it("explains why a request id was denied, in at most four clicks", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.createUser(USER, "free");
    await stage.exhaust(USER);
    const denied = await stage.send(USER, "/compare");
    expect(denied.status).toBe(429);
    requestId = String(denied.headers["x-request-id"]);
    await viewer.inFourClicks(async () => {
      await page.getByRole("link", { name: "Decisions", exact: true }).click();
      await page.getByRole("searchbox", { name: "Request id" }).click();
      await page.keyboard.insertText(`X-Request-Id: ${requestId}`);
      await page.getByRole("button", { name: "Find" }).click();
      await page.getByRole("heading", { level: 1, name: /compare by dora: limit “minute”/ }).waitFor();
      await page
        .getByText(/Limit “minute” had [\d.]+ of [\d.]+ tokens left, and the request costs 2/)
        .waitFor();
    });
    await page.getByRole("row", { name: /minute denied it/ }).waitFor();
    await page.getByText(/later, if nothing else spends/).waitFor();
    expect(await page.getByText("curl -i -X GET -H 'X-API-Key: YOUR_KEY'").count()).toBe(1);
    // A permanent link, which holds no secret.
    await viewer.goTo(`decision?id=${requestId}`);
    await stage.expectFlawless(`decision?id=${requestId}`, /limit “minute”/, "denied it");
    expect(await page.content()).not.toContain("el_test_");
    await page.getByRole("link", { name: "denied for the same reason" }).click();
    await page.getByRole("heading", { level: 1, name: "Decisions" }).waitFor();
    expect(new URL(page.url()).searchParams.get("account")).toBe(`user:${USER}`);
  });

  it("says what the log may lack if it does not have a request id", async () => {
    const { page } = stage.viewer;
    await stage.open("decision?id=no-such-id", "Decision");
    await page.getByText("No decision has this request id").waitFor();
    await page.getByText(/The log begins at/).waitFor();
    await page.getByText(/Peeks and answers repeated for an idempotency key are not recorded/).waitFor();
    expect(await stage.viewer.axe()).toEqual([]);
  });

  it("filters by suggestions, by keyboard alone, and the CSV holds what is filtered", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("decisions", "Decisions");
    await page.getByRole("combobox", { name: "User" }).focus();
    await page.keyboard.type("dor");
    await page.getByRole("option", { name: /^dora/ }).waitFor();
    await page.keyboard.press("Enter");
    await expect.poll(() => new URL(page.url()).searchParams.get("account")).toBe(`user:${USER}`);
    await page.getByRole("combobox", { name: "Outcome" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.getByRole("option", { name: /^Denied/ }).waitFor();
    await page.keyboard.type("denied");
    await page.keyboard.press("Enter");
    await expect.poll(() => new URL(page.url()).searchParams.get("outcome")).toBe("denied");
    const rows = page.getByRole("group", { name: "Decisions", exact: true }).getByRole("row");
    await expect
      .poll(async () => new Set((await rows.allInnerTexts()).slice(1).map((row) => row.includes("Denied"))))
      .toEqual(new Set([true]));
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "CSV" }).click(),
    ]);
    const [header, ...lines] = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
    expect(header).toMatch(/^at,requestId,account,.*,limits,/);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/,user:dora,.*,denied,minute,/);
    expect(lines.some((line) => line.includes(requestId))).toBe(true);
    expect(viewer.faults()).toEqual([]);
  });

  it("narrows the log to a span of the histogram, by keyboard", async () => {
    const { page } = stage.viewer;
    await stage.open("decisions", "Decisions");
    const chart = page.getByRole("group", { name: /^Requests per minute, chart/ });
    await chart.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("Enter");
    await expect.poll(() => new URL(page.url()).searchParams.has("from")).toBe(true);
    await page.getByRole("button", { name: "Zoom out" }).click();
    expect(stage.viewer.faults()).toEqual([]);
  });
}

/** Leaves a limit in shadow in the tier free, and the user shade. */
export function checkShadow(stage: Stage): void {
  it("says whom a limit in shadow would have denied: in the figures, in the log and on the user's screen", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    const { document } = JSON.parse((await stage.admin("GET", "policy")).text);
    const trial = { name: "trial", kind: "bucket", tokens: 1, per: "hour", burst: 1, shadow: true };
    document.tiers.free.limits.push(trial);
    await publishPolicy(stage.product, document);
    await stage.createUser("shade", "free");
    for (let i = 0; i < 3; i += 1) expect((await stage.send("shade")).status).toBe(200);
    await stage.expectFlawless("overview", "Overview", "Would be denied");
    const row = page.getByRole("group", { name: "Would deny" }).getByRole("row", { name: /^trial 2 / });
    await row.getByRole("link", { name: "shade" }).waitFor();
    await row.getByRole("link", { name: "2", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Decisions" }).waitFor();
    const rows = page.getByRole("group", { name: "Decisions", exact: true }).locator("tbody tr");
    await expect.poll(() => rows.filter({ hasText: "Would deny" }).count()).toBe(2);
    expect(await rows.count()).toBe(2);
    await stage.expectFlawless("decisions?shadowed=trial", "Decisions", "Would deny");
    await rows.first().getByRole("link").first().click();
    await page.getByText("In shadow, it would have been denied by trial.").waitFor();
    expect(await viewer.axe()).toEqual([]);
    await stage.expectFlawless("user?id=shade", /shade/, "in shadow");
    await page.getByRole("meter", { name: "trial, what is left" }).waitFor();
    expect(viewer.faults()).toEqual([]);
  });
}
