/** The live stream. */
import { it } from "vitest";
import type { Stage } from "./stage.ts";

/** Sends a request. */
export function checkLive(stage: Stage): void {
  it("shows decisions live", async () => {
    const { viewer } = stage;
    await stage.open("live", "Live");
    await viewer.page.getByText("Connected").waitFor();
    await stage.send("bob", "/compare?a=1&b=2");
    await viewer.page.getByRole("row", { name: /bob/ }).first().waitFor();
  });
}
