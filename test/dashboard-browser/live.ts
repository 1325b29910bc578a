/** The live stream. */
import { expect, it } from "vitest";
import type { Stage } from "./stage.ts";

/** Leaves the user lea, over the limit. */
export function checkLive(stage: Stage): void {
  it("shows decisions live, filtered, and why each was made", async () => {
    const { viewer } = stage;
    await stage.createUser("lea", "free");
    await stage.open("live", "Live");
    await viewer.page.getByText("Connected").waitFor();
    await stage.send("lea", "/compare?a=1&b=2");
    const row = viewer.page.getByRole("row", { name: /lea/ }).first();
    await row.getByRole("button").click();
    const dialog = viewer.page.getByRole("dialog");
    await dialog.getByText("Every limit had enough left.").waitFor();
    expect(await viewer.axe()).toEqual([]);
    await dialog.getByRole("link", { name: "Open the decision" }).click();
    await viewer.page.getByRole("heading", { level: 1, name: /compare/ }).waitFor();
    await viewer.page.getByText("Every limit had enough left.").waitFor();
    await viewer.page.goBack();
    await viewer.page.getByRole("combobox", { name: "Outcome" }).click();
    await viewer.page.getByRole("option", { name: "Denied" }).click();
    await stage.send("lea");
    await stage.exhaust("lea");
    // Not a row of before: the filter begins a new list.
    await viewer.page
      .getByRole("row", { name: /Denied/ })
      .first()
      .waitFor();
    expect(await viewer.page.getByRole("row", { name: /Allowed/ }).count()).toBe(0);
    expect(viewer.faults()).toEqual([]);
  });
}
