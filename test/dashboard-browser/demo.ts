/** `npm run demo:traffic` beside the started product. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { eventually } from "../blackbox/product.ts";
import type { Stage } from "./stage.ts";

/** Leaves revision 2 in force, and traffic in the log. */
export function checkDemo(stage: Stage): void {
  it("shows the demo's traffic, and the demo restores the policy when it stops", async () => {
    const { viewer, product, checkout } = stage;
    const { PATH, HOME } = process.env;
    const env = {
      PATH,
      HOME,
      PORT: product.url.port,
      NODE_COMPILE_CACHE: `${checkout.directory}/.compile-cache`,
    };
    const args = ["scripts/demo-traffic.ts", "--minutes", "0.1"];
    const demo = spawn(process.execPath, args, {
      cwd: checkout.directory,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [demo.stdout, demo.stderr]) stream.on("data", (text) => (output += String(text)));
    const ended = once(demo, "exit");
    try {
      await eventually(30_000, "the demo changed the policy", async () =>
        (await stage.admin("GET", "policy")).headers.etag === '"1"' ? true : null,
      );
    } finally {
      demo.kill("SIGINT");
    }
    expect(await ended, output).toEqual([0, null]);
    expect(output).toMatch(/Done: \d+ sent, [1-9]\d* allowed/);
    await stage.open("policy", /revision 2 is in force/);
    await viewer.page.getByText("restore the free tier's limits").first().waitFor();
    await stage.open("overview", "Overview");
    await viewer.page.getByRole("link", { name: "/identify" }).waitFor();
    expect(viewer.faults()).toEqual([]);
  });
}
