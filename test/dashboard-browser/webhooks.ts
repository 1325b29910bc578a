/** Webhook endpoints: made with a secret that is shown once, tested, and their deliveries replayed. */
import { expect, it } from "vitest";
import { HookReceiver } from "../blackbox/hook-receiver.ts";
import { publishPolicy } from "../blackbox/product.ts";
import type { Stage } from "./stage.ts";

export function checkWebhooks(stage: Stage): void {
  it("adds an endpoint, shows its secret once, tests it, and replays what it got", async () => {
    const { viewer } = stage;
    const { page } = viewer;
    const receiver = await HookReceiver.start();
    try {
      const { document } = JSON.parse((await stage.admin("GET", "policy")).text);
      await publishPolicy(stage.product, { ...document, events: ["account.created"] });
      await stage.open("webhooks", "Webhooks");
      await page.getByRole("button", { name: "Add", exact: true }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("URL").fill(receiver.url("/ok"));
      expect(await viewer.axe()).toEqual([]);
      await dialog.getByLabel("Reason").fill("a receiver");
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await dialog.getByText(/^whsec_/).waitFor();
      await dialog.getByRole("button", { name: "Close" }).click();
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("button", { name: /^Test http/ }).click();
      expect(await viewer.confirm("Test", "try it")).toBe("Delivered: 204");
      await stage.createUser("hooked", "free");
      await page.getByRole("link", { name: receiver.url("/ok") }).click();
      await page.getByRole("row", { name: /account\.created .* delivered/ }).waitFor();
      await page.getByRole("button", { name: /^Replay evt_/ }).click();
      await viewer.confirm("Replay", "once more");
      await expect.poll(() => receiver.at("/ok").length).toBe(3);
      await stage.expectFlawless("webhooks", "Webhooks", receiver.url("/ok"));
      await page.getByRole("button", { name: /^Delete http/ }).click();
      expect(await viewer.confirm("Delete", "done")).toBe("Done.");
      await page.getByText("No endpoints").waitFor();
    } finally {
      receiver.stop();
    }
  });
}
