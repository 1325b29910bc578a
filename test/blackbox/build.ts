/**
 * Builds the product once for all tests that start it, before the first of them. A checkout begins with a copy (checkout.ts), and
 * `npm start` builds again only what a test has changed. Keeps a build that is newer than its sources.
 */
import { join } from "node:path";
import { bundle } from "../../scripts/bundle.ts";

const ROOT = join(import.meta.dirname, "..", "..");
/** Laid out as `build` in a DEMO_DIR. */
export const BUILD_DIRECTORY = join(ROOT, "dist", "product");

/** For `globalSetup`. vitest.config.ts has built the assets. */
export default async function build(): Promise<void> {
  await Promise.all([
    bundle("wrangler.toml", join(BUILD_DIRECTORY, "gateway"), true),
    bundle("examples/origin/wrangler.toml", join(BUILD_DIRECTORY, "origin"), true),
  ]);
}
