import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { buildAssets } from "./scripts/build-assets.ts";
import type { FuzzContext } from "./test/fixtures/fuzz-context.ts";
import { ruleSwitches } from "./test/history/rule-switches.ts";

// Every test worker and every script under test is a separate process, which spends much of its time compiling. Share the result.
if (process.env["NODE_COMPILE_CACHE"] === undefined) {
  const compiled = mkdtempSync(join(tmpdir(), "edge-limiter-compiled-"));
  process.env["NODE_COMPILE_CACHE"] = compiled;
  process.on("exit", () => rmSync(compiled, { recursive: true, force: true, maxRetries: 3 }));
}

// The Worker under test serves the assets.
await buildAssets();

/** Generous: on a busy machine with two cores, half a second of work may take many. No guarantee depends on it. */
const TIMEOUTS = { testTimeout: 30_000, hookTimeout: 30_000 };

/** Tests that use the policy of control-start.ts. They share a workerd; the first of them installs the policy. */
const CONTROL = [
  "test/edge/control-plane-{deletion,erasure,export,home,import,input,key-end,keys,limits,usage,usage-csv}.test.ts",
];

/** Tests that change the policy or the directory, or exhaust a shared resource: each file gets its own workerd. */
const ALONE = [
  "test/edge/control-plane*.test.ts",
  "test/edge/openapi-fuzz*.test.ts",
  "test/edge/policy-{store,lost}.test.ts",
  // It fakes timers, also those of objects that share its isolate.
  "test/edge/usage-reader.test.ts",
  "test/durable-objects/account-directory.test.ts",
];

/**
 * What takes long, in projects of its own that `npm test` leaves out: `npm run test:slow` runs them, and CI does. Besides the dashboard
 * in Chromium (`browser`), these are deployments and the doctor, with dozens of processes of wrangler, twenty kills and other ends of the
 * product, many streams of a model, origins that fail under load, and packages that are installed elsewhere (`packages`).
 */
const CRASH = [
  "test/blackbox/{crash,closing-crash,erasure,llm,pools,reservation-crash,stop,stripe-crash,webhooks}.test.ts",
];
const DEPLOYMENT = ["test/scripts/{deploy,deploy-gradual,deploy-verify,doctor-*,wrangler-directory}.test.ts"];

/** Setup for files that share a workerd. */
const LOADED_MODULES = "test/fixtures/loaded-modules.ts";
const FRESH_OBJECTS = ["test/durable-objects/fresh-objects.ts", LOADED_MODULES];

/** The sources of the modules that are loaded on first use, in place of the built ones. */
const MODULE_SOURCES = [
  { find: /^.*\/modules\/admin\.mjs$/, replacement: `${import.meta.dirname}/src/api/admin-app.ts` },
  {
    find: /^.*\/modules\/analytics\.mjs$/,
    replacement: `${import.meta.dirname}/durable-objects/analytics-store/module.ts`,
  },
  {
    find: /^.*\/modules\/billing\.mjs$/,
    replacement: `${import.meta.dirname}/durable-objects/user-limiter/billing/module.ts`,
  },
  { find: /^.*\/modules\/control\.mjs$/, replacement: `${import.meta.dirname}/durable-objects/control.ts` },
  { find: /^.*\/modules\/pools\.mjs$/, replacement: `${import.meta.dirname}/src/gateway/pools/module.ts` },
  {
    find: /^.*\/modules\/cache\.mjs$/,
    replacement: `${import.meta.dirname}/src/gateway/cache/serve-cached.ts`,
  },
  { find: /^.*\/modules\/portal\.mjs$/, replacement: `${import.meta.dirname}/src/api/portal/portal-app.ts` },
  { find: /^.*\/modules\/proxies\.mjs$/, replacement: `${import.meta.dirname}/src/proxies/proxy-app.ts` },
  {
    find: /^.*\/modules\/events\.mjs$/,
    replacement: `${import.meta.dirname}/durable-objects/events/module.ts`,
  },
  { find: /^.*\/modules\/pdf\.mjs$/, replacement: `${import.meta.dirname}/src/documents/invoice-pdf.ts` },
  {
    find: /^.*\/modules\/shields\.mjs$/,
    replacement: `${import.meta.dirname}/src/edge/address-shields.ts`,
  },
  { find: /^.*\/modules\/rules\.mjs$/, replacement: `${import.meta.dirname}/src/policy/rule-index.ts` },
  {
    find: /^.*\/modules\/stripe\.mjs$/,
    replacement: `${import.meta.dirname}/src/api/stripe/module.ts`,
  },
  {
    find: /^.*\/modules\/tokens\.mjs$/,
    replacement: `${import.meta.dirname}/src/identity/token-issuer.ts`,
  },
  {
    find: /^.*\/modules\/transform\.mjs$/,
    replacement: `${import.meta.dirname}/src/gateway/transform/transform.ts`,
  },
  { find: /^.*\/modules\/usage\.mjs$/, replacement: `${import.meta.dirname}/src/gateway/metering.ts` },
  {
    find: /^.*\/modules\/webhooks\.mjs$/,
    replacement: `${import.meta.dirname}/durable-objects/webhook-desk/module.ts`,
  },
];

/** For the Durable Object classes in Node. */
const SIMULATED_WORKERS = {
  find: "cloudflare:workers",
  replacement: `${import.meta.dirname}/test/history/cloudflare-workers.ts`,
};

/** The real runtime, with the bindings of wrangler.toml. */
function workerd() {
  return cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: { bindings: { ADMIN_TOKEN: "test-admin-token" }, cf: false },
  });
}

/**
 * Which projects run side by side, each list in order. Started products wait half of the time, so one at a time runs beside files that
 * compute. Two at a time would leave the cores idle, and then compete with each other.
 */
const SIDE_BY_SIDE = [["blackbox"], ["history", "rules", "alone", "hostile", "scripts"]];
/** Then these on all cores, the shortest files last, so that no core idles at the end. */
const AFTERWARDS = ["objects", "edge", "control", "core"];

/** About how many seconds a file takes: the longest ones, and the others of a project. Wrong numbers cost time, nothing else. */
const SECONDS: Readonly<Record<string, number>> = {
  "blackbox/start": 22,
  "blackbox/faults": 22,
  "blackbox/limits": 20,
  "blackbox/analytics": 19,
  "blackbox/control-plane": 15,
  "blackbox/stop": 15,
  blackbox: 7,
  "history/strict-histories": 7,
  "history/leased-histories": 8,
  history: 2,
  rules: 6,
  "edge/openapi-fuzz": 30,
  "edge/control-plane-fence": 13,
  alone: 6,
  hostile: 2,
  "scripts/bundle": 6,
  "reports/analytics-store": 9,
  "reports/conformance": 9,
  scripts: 0.6,
};

function secondsOf({ project, moduleId }: TestSpecification): number {
  const file = /([^/]+\/[^/]+)\.test\.ts$/.exec(moduleId)?.[1] ?? "";
  return SECONDS[file] ?? SECONDS[project.name] ?? 1;
}

/** Sorts files by the moment at which they would start if each list of SIDE_BY_SIDE had a core of its own. */
class ProjectOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's method
    const longestFirst = await super.sort(files);
    const startsAt = new Map<TestSpecification, number>();
    for (const projects of SIDE_BY_SIDE) {
      let at = 0;
      for (const file of inOrder(longestFirst, projects)) {
        startsAt.set(file, at);
        at += secondsOf(file);
      }
    }
    const first = [...startsAt].toSorted(([, one], [, other]) => one - other).map(([file]) => file);
    const others = longestFirst.filter((file) => !startsAt.has(file));
    const rank = ({ project }: TestSpecification): number => AFTERWARDS.indexOf(project.name);
    return [...first, ...others.toSorted((one, other) => rank(one) - rank(other))];
  }
}

/** The files of these projects, in the order of the projects. */
function inOrder(files: readonly TestSpecification[], projects: readonly string[]): TestSpecification[] {
  return projects.flatMap((name) => files.filter(({ project }) => project.name === name));
}

/**
 * The core and the scripts run in Node, the objects and the edge in workerd, the started product as separate processes.
 * `vitest run --project core` runs a single project.
 */
export default defineConfig({
  test: {
    provide: {
      fuzzSeed: Number(process.env["FUZZ_SEED"] ?? 20_261_121),
      fuzzTimes: Number(process.env["FUZZ_TIMES"] ?? 0.05),
    } satisfies FuzzContext,
    // All cores, of which vitest would reserve one. No more: deadlines of the real clock would expire on a busy machine.
    maxWorkers: "100%",
    sequence: { sequencer: ProjectOrder },
    projects: [
      {
        test: {
          name: "core",
          include: ["test/{core,peers,billing,client}/**/*.test.ts"],
          environment: "node",
          // A process and its modules for each file would take a third of the CPU time.
          isolate: false,
          ...TIMEOUTS,
        },
      },
      {
        test: {
          name: "hostile",
          include: ["test/hostile/**/*.test.ts"],
          environment: "node",
          // A process for each file: some measure its heap.
          ...TIMEOUTS,
        },
      },
      {
        // The Durable Object classes in Node, on a simulated platform.
        resolve: {
          alias: [SIMULATED_WORKERS, ...MODULE_SOURCES],
        },
        test: {
          name: "history",
          include: ["test/history/**/*.test.ts"],
          exclude: ["test/history/rules.test.ts"],
          setupFiles: ["test/history/simulated-modules.ts"],
          environment: "node",
          testTimeout: 60_000,
        },
      },
      {
        // The same, with switches for the rules of lending.
        plugins: [ruleSwitches()],
        resolve: {
          alias: [SIMULATED_WORKERS, ...MODULE_SOURCES],
        },
        test: {
          name: "rules",
          include: ["test/history/rules.test.ts"],
          setupFiles: ["test/history/simulated-modules.ts"],
          environment: "node",
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "scripts",
          include: ["test/{scripts,reports,metrics,analytics,dashboard,portal}/**/*.test.ts"],
          exclude: DEPLOYMENT,
          environment: "node",
          // As in the core.
          isolate: false,
          ...TIMEOUTS,
        },
      },
      {
        test: {
          name: "deploy",
          include: DEPLOYMENT,
          environment: "node",
          // As in the core.
          isolate: false,
          ...TIMEOUTS,
        },
      },
      {
        plugins: [workerd()],
        resolve: { alias: MODULE_SOURCES },
        test: { name: "alone", include: ALONE, exclude: CONTROL, setupFiles: [LOADED_MODULES], ...TIMEOUTS },
      },
      {
        plugins: [workerd()],
        resolve: { alias: MODULE_SOURCES },
        test: {
          name: "control",
          include: CONTROL,
          isolate: false,
          setupFiles: FRESH_OBJECTS,
          ...TIMEOUTS,
        },
      },
      {
        plugins: [workerd()],
        resolve: { alias: MODULE_SOURCES },
        // All files share one workerd, since starting it takes longer than most of them. Each test uses its own users.
        test: {
          name: "objects",
          include: ["test/durable-objects/**/*.test.ts"],
          provide: { closingObjects: Number(process.env["CLOSING_OBJECTS"] ?? 8) },
          exclude: ALONE,
          isolate: false,
          setupFiles: FRESH_OBJECTS,
          ...TIMEOUTS,
        },
      },
      {
        plugins: [workerd()],
        resolve: { alias: MODULE_SOURCES },
        // All files share one workerd. Each test uses its own users and addresses.
        test: {
          name: "edge",
          include: ["test/edge/**/*.test.ts"],
          // Of two tests of the response cache: 100,000 take minutes.
          provide: { cacheRequests: Number(process.env["CACHE_REQUESTS"] ?? 2_000) },
          exclude: ALONE,
          isolate: false,
          setupFiles: FRESH_OBJECTS,
          ...TIMEOUTS,
        },
      },
      {
        test: {
          name: "blackbox",
          include: ["test/blackbox/**/*.test.ts"],
          exclude: CRASH,
          environment: "node",
          globalSetup: ["test/blackbox/build.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "crash",
          include: CRASH,
          environment: "node",
          globalSetup: ["test/blackbox/build.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The packages of packages/, packed and installed elsewhere; the command line and the export at a started product.
        test: {
          name: "packages",
          include: ["test/{packages,cli,export}/**/*.test.ts"],
          environment: "node",
          globalSetup: ["test/blackbox/build.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The proxies of examples/proxies, in front of a started product.
        test: {
          name: "proxies",
          include: ["test/proxies/**/*.test.ts"],
          environment: "node",
          globalSetup: ["test/blackbox/build.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/{dashboard,portal}-browser/**/*.test.ts"],
          environment: "node",
          globalSetup: ["test/blackbox/build.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
