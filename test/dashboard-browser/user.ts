/** The screens of users: changes that apply to the next request. */
import { expect, it } from "vitest";
import type { Stage } from "./stage.ts";

export const LONG_ID = `long-${"x".repeat(195)}`;
const LONG_NAME = "N".repeat(200);

/** Leaves the users ann, bob and one with a long id and name. */
export function checkUserActions(stage: Stage): void {
  it("raises a limit for a day in at most four clicks, and applies each change to the next request", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    for (const user of ["ann", "bob"]) await stage.createUser(user, "free");
    await stage.createUser(LONG_ID, "pro", LONG_NAME);
    await stage.exhaust("ann");
    const click = (name: string) => page.getByRole("button", { name, exact: true }).click();
    const dialog = page.getByRole("dialog");
    await viewer.inFourClicks(async () => {
      await page.getByRole("region", { name: "Top users" }).getByRole("link", { name: "ann" }).click();
      await click("Raise a limit");
      // Half of the limit, for a day, unless something else is chosen.
      expect(await dialog.getByLabel("Extra tokens").inputValue()).toBe("75");
      await dialog.getByText("of 225 left").waitFor();
      await dialog.getByLabel("Extra tokens").fill("50");
      expect(await viewer.confirm("Grant", "they asked nicely")).toContain("ann has 50 more of minute");
    });
    expect((await stage.send("ann")).status).toBe(200);

    await stage.exhaust("ann");
    await click("Reset limits");
    expect(await viewer.confirm("Reset", "our mistake")).toContain("full again");
    const after = await stage.send("ann");
    expect([after.status, after.headers["ratelimit"]]).toEqual([
      200,
      expect.stringContaining('"minute";r=199'),
    ]);

    await click("Revoke the grant of 50 of minute");
    expect(await viewer.confirm("Revoke", "too much")).toContain("ann has 50 less of minute");
    expect((await stage.send("ann")).headers["ratelimit-policy"]).toContain('"minute";q=150');

    await click("Block");
    expect(await viewer.confirm("Block", "abuse")).toContain("ann is blocked");
    expect((await stage.send("ann")).status).toBe(403);
    await click("Unblock");
    await viewer.confirm("Unblock", "they promised");
    expect((await stage.send("ann")).status).toBe(200);

    await click("Change tier");
    await page.getByRole("dialog").getByLabel("Tier").selectOption("pro");
    expect(await viewer.confirm("Change tier", "upgraded")).toContain("ann is in tier pro");
    expect((await stage.send("ann")).headers["ratelimit-policy"]).toContain('"minute";q=1500');

    await stage.admin("PATCH", "accounts/ann", { limits: { minute: { burst: 1_600 } }, reason: "special" });
    await page.reload();
    await click("Remove the override of minute");
    expect(await viewer.confirm("Remove", "no longer special")).toContain(
      "minute has the numbers of tier pro",
    );
    expect((await stage.send("ann")).headers["ratelimit-policy"]).toContain('"minute";q=1500');

    const history = page.getByRole("group", { name: "Changes of the account" });
    const changes = [
      ["they asked nicely", "Raised a limit", "minute: +50 until"],
      ["our mistake", "Reset limits", "all limits full again"],
      ["too much", "Revoked a grant", "minute: +50 until"],
      ["abuse", "Blocked the user", ""],
      ["they promised", "Unblocked the user", ""],
      ["upgraded", "Changed the tier", "free → pro"],
      ["no longer special", "Changed overrides", "the tier's again, was burst 1,600"],
    ];
    for (const [reason = "", title = "", line = ""] of changes) {
      await history
        .getByRole("row")
        .filter({ hasText: reason })
        .filter({ hasText: title })
        .filter({ hasText: line })
        .waitFor();
    }
    expect(viewer.faults()).toEqual([]);
  });
}

/** Leaves the account user2, and traffic of a user without an account. */
export function checkUserList(stage: Stage): void {
  it("shows who spends most today in at most four clicks; lists users in one order over all of them, also those without an account, and finds them by a part of id or name", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    for (const [id, name] of [
      ["user10", "Tenth"],
      ["user1", ""],
    ]) {
      await stage.admin("POST", "accounts", { id, name });
    }
    await stage.check({ user: "user3-without-account", cost: 40 });
    const rows = page.getByRole("group", { name: "Users" }).locator("tbody th a");
    await viewer.inFourClicks(async () => {
      await page.getByRole("link", { name: "Users", exact: true }).click();
      // The largest spenders first, with their tokens.
      await expect.poll(async () => (await rows.allInnerTexts())[0]).toBe("ann");
    });
    await page.getByRole("row", { name: /user3-without-account.*40.*no account/ }).waitFor();
    await page.getByRole("button", { name: "Create account" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Id" }).fill("user2");
    await dialog.getByRole("textbox", { name: "Name" }).fill("Second");
    await dialog.getByLabel("Home").selectOption("weur");
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Create", "signed up")).toContain("The account user2 is created");

    await page.getByLabel("Search").fill("USER");
    await page.getByRole("button", { name: "User", exact: true }).click();
    await expect
      .poll(() => rows.allInnerTexts())
      .toEqual(["user1", "user2", "user3-without-account", "user10"]);
    await page.getByLabel("Search").fill("tenth");
    await expect.poll(() => rows.allInnerTexts()).toEqual(["user10"]);
    await page.getByLabel("Search").fill("");
    await page.getByRole("combobox", { name: "Show" }).click();
    await page.getByRole("option", { name: "Without an account" }).click();
    await expect.poll(() => rows.allInnerTexts()).toEqual(["user3-without-account"]);
    await page.getByRole("link", { name: "40", exact: true }).first().click();
    await page.waitForURL(/decisions\?account=user%3Auser3-without-account/);
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
