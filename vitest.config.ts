import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { buildAssets } from "./scripts/build-assets.ts";

// Every worker and every script under test is a process of its own, and much of what a short one does is compiling: once is enough.
if (process.env["NODE_COMPILE_CACHE"] === undefined) {
  const compiled = mkdtempSync(join(tmpdir(), "edge-limiter-compiled-"));
  process.env["NODE_COMPILE_CACHE"] = compiled;
  process.on("exit", () => rmSync(compiled, { recursive: true, force: true, maxRetries: 3 }));
}

// The Worker under test serves them.
await buildAssets();

/** Two files share two cores, perhaps with other work: what takes half a second alone may take many. No guarantee is about it. */
const PATIENCE = { testTimeout: 30_000, hookTimeout: 30_000 };

/** Tests by the operator's policy of control-start.ts, which the first of them puts: they share a workerd that has it. */
const CONTROL = ["test/edge/control-plane-{deletion,input,key-end,keys,limits,usage,usage-csv}.test.ts"];

/** Tests that change the policy or the directory for all, or use up what all share: each has a workerd of its own. */
const ALONE = [
  "test/edge/control-plane*.test.ts",
  "test/edge/openapi-fuzz*.test.ts",
  "test/edge/policy-{store,lost}.test.ts",
  "test/durable-objects/account-directory.test.ts",
];

/** For files that share a workerd. */
const FRESH_OBJECTS = ["test/durable-objects/fresh-objects.ts"];

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
    // A file waits for processes, timers and disks half of its time. Vitest leaves a core to itself, which is half of two.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "core",
          include: ["test/{core,peers,hostile}/**/*.test.ts"],
          environment: "node",
          ...PATIENCE,
        },
      },
      {
        // The objects' classes in Node, on a simulated platform.
        resolve: {
          alias: { "cloudflare:workers": `${import.meta.dirname}/test/history/cloudflare-workers.ts` },
        },
        test: {
          name: "history",
          include: ["test/history/**/*.test.ts"],
          environment: "node",
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "scripts",
          include: ["test/{scripts,reports,metrics,analytics,dashboard}/**/*.test.ts"],
          environment: "node",
          ...PATIENCE,
        },
      },
      {
        plugins: [workerd()],
        test: { name: "alone", include: ALONE, exclude: CONTROL, ...PATIENCE },
      },
      {
        plugins: [workerd()],
        test: {
          name: "control",
          include: CONTROL,
          isolate: false,
          setupFiles: FRESH_OBJECTS,
          ...PATIENCE,
        },
      },
      {
        plugins: [workerd()],
        // Files share one workerd, whose start costs more than most of them: the users of a test are its own.
        test: {
          name: "objects",
          include: ["test/durable-objects/**/*.test.ts"],
          exclude: ALONE,
          isolate: false,
          setupFiles: FRESH_OBJECTS,
          ...PATIENCE,
        },
      },
      {
        plugins: [workerd()],
        // So do these, as requests do: users and addresses of a test are its own.
        test: {
          name: "edge",
          include: ["test/edge/**/*.test.ts"],
          exclude: ALONE,
          isolate: false,
          setupFiles: FRESH_OBJECTS,
          ...PATIENCE,
        },
      },
      {
        test: {
          name: "blackbox",
          include: ["test/blackbox/**/*.test.ts"],
          environment: "node",
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/dashboard-browser/**/*.test.ts"],
          environment: "node",
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
