import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { buildAssets } from "./scripts/build-assets.ts";

// The Worker under test serves them.
await buildAssets();

/** Tests of the edge that change the policy for all, or use up what all share: each has a workerd of its own. */
const ALONE = ["test/edge/control-plane*.test.ts", "test/edge/openapi*.test.ts"];

/** The real runtime, with the bindings of wrangler.toml. */
function workerd() {
  return cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: { bindings: { ADMIN_TOKEN: "test-admin-token" }, cf: false },
  });
}

/**
 * The pure core and the scripts in Node, the objects and the edge in workerd, the started product as processes.
 * `vitest run --project core` runs one of them.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: { name: "core", include: ["test/core/**/*.test.ts"], environment: "node" },
      },
      {
        test: {
          name: "scripts",
          include: ["test/{scripts,reports,metrics,analytics,dashboard}/**/*.test.ts"],
          environment: "node",
        },
      },
      {
        plugins: [workerd()],
        // A file is a workerd of its own: policies' revisions only grow within one, and a crash takes all objects.
        test: {
          name: "objects",
          include: ["test/durable-objects/**/*.test.ts", ...ALONE],
        },
      },
      {
        plugins: [workerd()],
        // Files share one workerd, as requests do: users and addresses of a test are its own.
        test: {
          name: "edge",
          include: ["test/edge/**/*.test.ts"],
          exclude: ALONE,
          isolate: false,
        },
      },
      {
        test: {
          name: "blackbox",
          include: ["test/blackbox/**/*.test.ts"],
          environment: "node",
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
