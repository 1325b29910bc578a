/** The health of the limiter. */
import { expect, it } from "vitest";
import type { Stage } from "./stage.ts";

/** Changes nothing. */
export function checkSystem(stage: Stage): void {
  it("shows each check with its figure over time, and keeps the readings while other screens are shown", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("system", "System");
    await page.getByText(/^All measured checks are OK/).waitFor();
    await page.getByRole("img", { name: /^Limiter failures since you opened this page/ }).waitFor();
    await page.getByText("EdgeLimiterCircuitOpen").waitFor();
    const since = page.getByText(/read since you opened this page, at/);
    const opened = await since.innerText();
    await page.getByRole("link", { name: "Overview", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.getByRole("link", { name: "System", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "System" }).waitFor();
    expect(await since.innerText()).toBe(opened);
    const decided = page.getByRole("region", { name: "Decided by" });
    await decided.getByRole("link", { name: "Open decisions" }).click();
    await page.getByRole("heading", { level: 1, name: "Decisions" }).waitFor();
    expect(new URL(page.url()).searchParams.get("source")).toBe("fallback");
    expect(viewer.faults()).toEqual([]);
  });
}
