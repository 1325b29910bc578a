/** The screens of users: changes that apply to the next request. */
import { expect, it } from "vitest";
import type { Stage } from "./stage.ts";

export const LONG_ID = `long-${"x".repeat(195)}`;
const LONG_NAME = "N".repeat(200);

/** Leaves the users ann, bob and one with a long id and name. */
export function checkUserActions(stage: Stage): void {
  it("applies a grant, reset, block or tier change to the next request", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    for (const user of ["ann", "bob"]) await stage.createUser(user, "free");
    await stage.createUser(LONG_ID, "pro", LONG_NAME);
    await stage.exhaust("ann");
    await stage.open("user?id=ann", /ann/);
    const click = (name: string) => page.getByRole("button", { name, exact: true }).click();

    await click("Grant extra");
    await page.getByRole("dialog").getByLabel("Extra tokens").fill("50");
    expect(await viewer.confirm("Grant", "they asked nicely")).toContain("ann has 50 more of minute");
    expect((await stage.send("ann")).status).toBe(200);

    await stage.exhaust("ann");
    await click("Reset");
    expect(await viewer.confirm("Reset", "our mistake")).toContain("full again");
    const after = await stage.send("ann");
    expect([after.status, after.headers["ratelimit"]]).toEqual([
      200,
      expect.stringContaining('"minute";r=199'),
    ]);

    await click("Block");
    expect(await viewer.confirm("Block", "abuse")).toContain("ann is blocked");
    expect((await stage.send("ann")).status).toBe(403);
    await click("Unblock");
    await viewer.confirm("Unblock", "they promised");
    expect((await stage.send("ann")).status).toBe(200);

    await click("Change tier");
    await page.getByRole("dialog").getByLabel("Tier").selectOption("pro");
    expect(await viewer.confirm("Change tier", "upgraded")).toContain("ann is in tier pro");
    expect((await stage.send("ann")).headers["ratelimit-policy"]).toContain('"minute";q=1550');

    const history = page.getByRole("table").last();
    for (const reason of ["they asked nicely", "our mistake", "abuse", "they promised", "upgraded"]) {
      await history.getByText(reason).waitFor();
    }
    expect(viewer.faults()).toEqual([]);
  });
}

/** Deletes ann and creates them again. */
export function checkRecreatedUser(stage: Stage): void {
  it("creates an account with an id that was in use, says what it takes over, and clears it", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.admin("PATCH", "accounts/ann", { status: "blocked" });
    await stage.admin("DELETE", "accounts/ann");
    await stage.open("user?id=ann", /ann/);
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
}
