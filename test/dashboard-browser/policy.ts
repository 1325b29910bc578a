/** The policy screen: drafts, their faults, activation and rollback. */
import { expect, it } from "vitest";
import type { Stage } from "./stage.ts";

/** Begins with revision 2 in force, ends with revision 4. */
export function checkPolicy(stage: Stage): void {
  it("simulates a draft, activates it, and rolls back", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.exhaust("bob");
    await stage.open("policy", /revision 2 is in force/);
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
    expect((await stage.send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=150');

    await page.getByRole("button", { name: "Activate…" }).click();
    expect(await viewer.confirm("Activate", "tighter")).toContain("Revision 3 is in force");
    expect((await stage.send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=20;w=60');

    await stage.open("policy?revision=0", /Revision 0/);
    await page.getByRole("button", { name: "Roll back to this…" }).click();
    expect(await viewer.confirm("Roll back", "too tight")).toContain("Revision 4 is in force");
    expect((await stage.send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=150');
    expect(viewer.faults()).toEqual([]);
  });

  it("locates the faults of a draft, and does not activate it", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("policy", /revision 4 is in force/);
    const editor = page.getByLabel("Policy document");
    await editor.fill((await editor.inputValue()).replace('"defaultTier": "free"', '"defaultTier": "fre"'));
    await page.getByText('unknown tier "fre"').waitFor();
    expect(await page.getByRole("button", { name: "Activate…" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Discard draft" }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
  });
}

/** Begins with revision 4 in force, ends with revision 6. */
export function checkOrphans(stage: Stage): void {
  it("warns that accounts use what a draft lacks, and activates it after confirmation", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("policy", /revision 4 is in force/);
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
    await stage.open("user?id=ann", /ann/);
    await page.getByText("The policy has no tier pro: the default tier free applies.").waitFor();
    await stage.open("policy?revision=4", /Revision 4/);
    await page.getByRole("button", { name: "Roll back to this…" }).click();
    expect(await viewer.confirm("Roll back", "pro is back")).toContain("Revision 6 is in force");
    expect(viewer.faults().filter((fault) => !fault.includes("409"))).toEqual([]);
  });
}
