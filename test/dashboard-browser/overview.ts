/** The overview: what its figures, charts and filters lead to. */
import { expect, it } from "vitest";
import type { Stage } from "./stage.ts";

/** Needs the demo's traffic and its changes of the policy. */
export function checkOverview(stage: Stage): void {
  it("leads from a figure, a step of the chart and a row to their decisions", async () => {
    const { page } = stage.viewer;
    await stage.open("overview?range=15m&tier=free", "Overview");
    await page.getByRole("link", { name: "Denied by limits" }).click();
    await page.getByRole("heading", { level: 1, name: "Decisions" }).waitFor();
    expect(paramsOf(page.url())).toEqual({ outcome: "denied", range: "15m", tier: "free" });
    await page.goBack();
    await page
      .getByRole("region", { name: "Top routes" })
      .first()
      .getByRole("link", { name: "/identify" })
      .click();
    await page.getByRole("heading", { level: 1, name: "Decisions" }).waitFor();
    expect(paramsOf(page.url())).toEqual({ route: "/identify", range: "15m", tier: "free" });
    await page.goBack();
    // Not only a row's name: what a user spent, too.
    const greedy = page.getByRole("group", { name: "Top users" }).getByRole("row", { name: /^demo-greedy / });
    await greedy.getByRole("cell").nth(1).getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: "Decisions" }).waitFor();
    expect(paramsOf(page.url())).toEqual({ account: "user:demo-greedy", range: "15m", tier: "free" });
    await page.goBack();
    await page.getByRole("group", { name: /^Requests per second, chart/ }).focus();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Decisions" }).waitFor();
    const { from = "", to = "" } = paramsOf(page.url());
    expect(Date.parse(to) - Date.parse(from)).toBe(10_000);
  });

  it("zooms by dragging and by keyboard, and out again", async () => {
    const { page } = stage.viewer;
    await stage.open("overview?range=15m", "Overview");
    const chart = page.getByRole("group", { name: /^Requests per second, chart/ });
    const box = await chart.boundingBox();
    if (!box) throw new Error("the chart is not visible");
    await page.mouse.move(box.x + box.width / 2, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 5, box.y + 100, { steps: 3 });
    await page.mouse.up();
    await expect.poll(() => paramsOf(page.url())).toMatchObject({ from: expect.any(String) });
    await chart.focus();
    await page.keyboard.press("End");
    for (let i = 0; i < 5; i += 1) await page.keyboard.press("Shift+ArrowLeft");
    const before = page.url();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.url()).not.toBe(before);
    await page.getByRole("button", { name: "Zoom out" }).click();
    await page.getByRole("button", { name: "1h, the last hour" }).click();
    await expect.poll(() => paramsOf(page.url())).toEqual({ range: "1h" });
  });

  it("says by whom and why the policy changed, on focus, and merges marks that would overlap", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("overview?range=24h", "Overview");
    const chart = page.getByRole("group", { name: /^Requests per second, chart/ });
    // All of the demo's changes are within seconds of each other.
    const mark = chart.getByRole("link", { name: /restore the free tier's limits/ });
    await mark.focus();
    await chart
      .getByRole("listitem")
      .getByText(/policy 2 by .*: .*restore the free tier's limits/)
      .waitFor();
    expect(await chart.getByRole("link").count()).toBe(1);
    expect(await viewer.axe()).toEqual([]);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /is in force/ }).waitFor();
  });

  it("filters by a suggested route, by keyboard, and takes a custom range", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("overview?refresh=off", "Overview");
    await page.getByRole("combobox", { name: "Route" }).focus();
    await page.keyboard.type("ident");
    await page.getByRole("option", { name: /^\/identify/ }).waitFor();
    expect(await viewer.axe()).toEqual([]);
    await page.keyboard.press("Enter");
    await expect.poll(() => paramsOf(page.url())).toEqual({ refresh: "off", route: "/identify" });
    await page.getByRole("button", { name: "Clear Route" }).click();
    await expect.poll(() => paramsOf(page.url())).toEqual({ refresh: "off" });
    await page.getByText("Custom", { exact: true }).click();
    await page.getByLabel("From", { exact: true }).fill("2026-01-02 03:04:05");
    await page.getByLabel("To", { exact: true }).fill("2026-01-02 04:04:05");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText(/^2 Jan( 2026)? 03:04:05 – 04:04:05$/).waitFor();
    await page.getByText("No requests in this period").waitFor();
    expect(viewer.faults()).toEqual([]);
  });
}

function paramsOf(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams);
}
