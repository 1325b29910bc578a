/** The policy screen: drafts, their faults, activation, conflicts and rollback. */
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import type { Stage } from "./stage.ts";

const IN_FORCE = "This is the policy in force. Change it to start a draft.";

/** Replaces the text in the editor, as a person does. */
async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel("Policy document").focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

/** Begins with revision 2 in force, ends with revision 4. */
export function checkPolicy(stage: Stage): void {
  it("drafts a policy in the form, undoes it in the text, and activates it; shows whom it hurts, and rolls back, in at most four clicks each", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.exhaust("bob");
    await stage.open("policy", /revision 2 is in force/);
    const editor = page.getByLabel("Policy document");
    const form = page.getByRole("region", { name: "Form" });
    await form.getByText("free", { exact: true }).first().click();
    const minute = form.getByRole("group", { name: /^minute/ }).filter({ visible: true });
    await minute.getByLabel("Tokens").fill("20");
    await minute.getByLabel("Burst").fill("20");
    await page.keyboard.press("Enter");
    const changes = page.getByRole("list", { name: "Changes" });
    await changes.getByText("minute: 100 → 20 tokens a minute, burst 150 → 20").waitFor();
    await changes.getByRole("link", { name: /^\d+ accounts?$/ }).waitFor();
    expect(await editor.innerText()).toContain('"tokens": 20, "per": "minute", "burst": 20');
    await editor.focus();
    // Two fields were changed.
    for (let i = 0; i < 2; i += 1) await page.keyboard.press("Control+z");
    await page.getByText(IN_FORCE).waitFor();
    for (let i = 0; i < 2; i += 1) await page.keyboard.press("Control+y");
    await page.getByText("Valid: no faults found.").waitFor();

    // By keyboard, as all else.
    const folds = page.getByRole("button", { name: /^Show \d+ unchanged lines$/ });
    const folded = await folds.count();
    await folds.first().focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => folds.count()).toBe(folded - 1);

    await viewer.inFourClicks(async () => {
      await page.getByRole("link", { name: "Policy", exact: true }).click();
      await page.getByRole("link", { name: "Try it on recorded traffic" }).click();
      const denied = page.getByRole("region", { name: "Newly denied" });
      await denied.getByRole("link", { name: "bob" }).first().waitFor();
    });
    await page.getByRole("region", { name: "By tier" }).getByRole("row", { name: /^free/ }).first().waitFor();
    await page.getByRole("link", { name: "Back to the draft" }).click();
    expect((await stage.send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=150');

    await page.getByRole("button", { name: "Activate…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("link", { name: "bob" }).waitFor();
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Activate", "tighter")).toContain("Revision 3 is in force");
    await page.getByRole("heading", { level: 1, name: /revision 3 is in force/ }).waitFor();
    // The draft is gone with its activation.
    await page.getByText(IN_FORCE).waitFor();
    expect(await page.getByRole("button", { name: "Discard draft" }).isDisabled()).toBe(true);
    expect((await stage.send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=20;w=60');

    await viewer.inFourClicks(async () => {
      await page.getByRole("link", { name: "Policy", exact: true }).click();
      await page.getByRole("button", { name: "Roll back to revision 2" }).click();
      expect(await viewer.confirm("Roll back", "too tight")).toContain("Revision 4 is in force");
    });
    expect((await stage.send("bob")).headers["ratelimit-policy"]).toContain('"minute";q=150');
    expect(viewer.faults()).toEqual([]);
  });

  it("completes fields by the schema, marks faults at their place, and never activates a draft that has any", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("policy", /revision 4 is in force/);
    const editor = page.getByLabel("Policy document");
    await editor.focus();
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("End");
    await page.keyboard.type('\n"hea');
    await page.getByRole("option", { name: /"headers"/ }).waitFor();
    // What is typed within the first 75 ms after the list opens is not meant for it.
    await page.waitForTimeout(100);
    await page.keyboard.press("Enter");
    await page.keyboard.type('{ "xRateLimit": true },');
    await page.getByText("Valid: no faults found.").waitFor();

    const text = (await editor.innerText()).replace('"defaultTier": "free"', '"defaultTier": "fre"');
    await write(page, text);
    await page.getByText('unknown tier "fre"').first().waitFor();
    await page.locator(".cm-lintRange-error", { hasText: '"defaultTier": "fre"' }).waitFor();
    await page.getByRole("button", { name: "/defaultTier (line 5)" }).click();
    expect(await page.evaluate(SELECTED)).toBe('"defaultTier": "fre"');
    expect(await page.getByRole("button", { name: "Activate…" }).isDisabled()).toBe(true);
    // Tab leaves the editor.
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toContain("/defaultTier");
    await page.getByRole("button", { name: "Discard draft" }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
    expect(viewer.faults()).toEqual([]);
  });
}

/** Begins with revision 4 in force, ends with revision 7. */
export function checkOrphans(stage: Stage): void {
  it("warns that accounts use what a draft lacks, and activates it after confirmation", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.admin("PATCH", "accounts/ann", { tier: "pro" });
    await stage.open("policy", /revision 4 is in force/);
    // Not from the editor, which renders only the lines in view.
    const { document } = JSON.parse((await stage.admin("GET", "policy")).text);
    delete document.tiers.pro;
    await write(page, JSON.stringify(document));
    const orphans = page.getByRole("region", { name: "Accounts use what this policy lacks" });
    await orphans.getByText("Tier pro").waitFor();
    await page.getByRole("button", { name: "Activate…" }).click();
    const dialog = page.getByRole("dialog");
    const inDialog = dialog.getByRole("region", { name: "Accounts use what this policy lacks" });
    await inDialog.getByRole("link", { name: "ann" }).waitFor();
    // The other warnings of the validation, too.
    await dialog.getByText(/the tier "pro" is removed: tokens/).waitFor();
    await dialog.getByLabel("Activate although accounts use what the policy lacks").check();
    expect(await viewer.axe()).toEqual([]);
    expect(await viewer.confirm("Activate", "pro is retired")).toContain("Revision 5 is in force");
    await stage.open("user?id=ann", /ann/);
    await page.getByText("The policy has no tier pro: the default tier free applies.").waitFor();
    await stage.open("policy?revision=4", /Revision 4/);
    await page.getByRole("button", { name: "Roll back to this…" }).click();
    expect(await viewer.confirm("Roll back", "pro is back")).toContain("Revision 6 is in force");
    expect(viewer.faults()).toEqual([]);
  });

  it("does not activate a draft over the policy that someone else activated meanwhile, and keeps the draft", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    await stage.open("policy", /revision 6 is in force/);
    const form = page.getByRole("region", { name: "Form" });
    await form.getByLabel("Callers without a credential").selectOption("free");
    await form.getByRole("button", { name: "Browsers (CORS)" }).click();
    const origins = form.getByLabel("Origins");
    await origins.fill("https://a.example\nhttps://b.example");
    // What is typed stays when the field is rendered again.
    await page.getByText("Not valid: one fault.").waitFor();
    await origins.press("Tab");
    await page
      .getByLabel("Policy document")
      .getByText('"cors": { "origins": ["https://a.example", "https://b.example"] }')
      .waitFor();
    await page.getByText("Valid: no faults found.").waitFor();
    await page.getByRole("button", { name: "Activate…" }).click();
    await stage.admin("POST", "policy/revisions/4/activate", { reason: "meanwhile" });
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("mine");
    await dialog.getByRole("button", { name: "Activate", exact: true }).click();
    await dialog.getByRole("button", { name: "Compare with their policy" }).click();
    await page
      .getByText(/activated revision 7 after you started this draft from revision 6: “meanwhile”/)
      .waitFor();
    await page.getByRole("button", { name: "Continue with my draft" }).waitFor();
    await page.getByRole("button", { name: "Use their policy, discard my draft" }).click();
    await page.getByText(IN_FORCE).waitFor();
    await page.getByRole("button", { name: "Delete it" }).click();
    expect(viewer.faults().filter((fault) => !fault.includes("412"))).toEqual([]);
  });
}

/** The text that is selected in the editor, whose shadow root has its own selection. */
const SELECTED = `document.querySelector(".editor").shadowRoot.getSelection().toString()`;
