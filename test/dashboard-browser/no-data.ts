/** Every screen before the first request. */
import { expect, it } from "vitest";
import type { Stage } from "./stage.ts";

/** Sends nothing. */
export function checkNoData(stage: Stage): void {
  it("says how to begin when there is no data yet", async () => {
    const { viewer } = stage;
    await stage.open("overview", "Overview");
    await viewer.page.getByText("Send one, and it appears here within seconds").waitFor();
    await stage.open("simulator", "Simulator");
    await viewer.page.getByText("Nothing was recorded in this period").waitFor();
    for (const [screen, heading] of [
      ["live", "Live"],
      ["decisions", "Decisions"],
      ["user?id=nobody-yet", /nobody-yet/],
      ["billing", "Billing"],
      ["system", "System"],
    ] as const) {
      await stage.open(screen, heading);
    }
    // The user without an account answers 404.
    expect(viewer.faults().filter((fault) => !fault.includes("404"))).toEqual([]);
  });
}
