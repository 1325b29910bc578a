/**
 * Builds the product once for all tests that start it, before the first of them. A checkout begins with a copy (checkout.ts), and
 * `npm start` builds again only what a test has changed. Keeps a build that is newer than its sources.
 */
import { join } from "node:path";
import { bundle } from "../../scripts/bundle.ts";
import { workerOptions } from "../../scripts/worker-options.ts";

const ROOT = join(import.meta.dirname, "..", "..");
/** Laid out as `build` in a DEMO_DIR. */
export const BUILD_DIRECTORY = join(ROOT, "dist", "product");

/** For `globalSetup`. vitest.config.ts has built the assets. */
export default async function build(): Promise<void> {
  const workers = { gateway: "wrangler.toml", origin: "examples/origin/wrangler.toml" };
  await Promise.all(
    Object.entries(workers).flatMap(([name, config]) => [
      bundle(config, join(BUILD_DIRECTORY, name), true),
      workerOptions(config, join(BUILD_DIRECTORY, name), true),
    ]),
  );
}
