/**
 * `npm run load -- <scenario>`: runs one k6 scenario of load/ against the product, which it starts unless --url is given.
 * Writes report.html (k6's charts) and summary.json. Exit code 0 if every threshold holds, 99 if one does not, 1 for any
 * other error, 2 if k6 is missing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { findK6, HOW_TO_INSTALL, type K6 } from "./load/find-k6.ts";
import { type LoadOptions, readLoadOptions, usage } from "./load/load-options.ts";
import { runtimeMiB } from "./load/runtime-memory.ts";

const ROOT = join(import.meta.dirname, "..");
const SCENARIOS = join(ROOT, "load", "scenarios");
const NO_K6 = 2;
/** k6 and the product share this machine, so calls may exceed the default deadline. Fallbacks would falsify the results. */
const LONG_DEADLINE = { LIMITER_TIMEOUT_MS: "30000" };

/** npm and the terminal may both signal one Ctrl-C. Signals further apart are a second Ctrl-C, on which k6 stops at once. */
const SAME_SIGNAL_MS = 1_000;

let child: ChildProcess | null = null;
let signalledMs = -Infinity;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

try {
  process.exitCode = await main();
} catch (thrown) {
  console.error(`\nload: ${thrown instanceof Error ? thrown.message : thrown}`);
  process.exitCode = 1;
}

/** Passes the signal to k6, which ends its run and writes its report; the product closes after k6 has exited. */
function stop(): void {
  if (!child) process.exit(1);
  const nowMs = performance.now();
  if (nowMs - signalledMs < SAME_SIGNAL_MS) return;
  signalledMs = nowMs;
  child.kill("SIGINT");
}

async function main(): Promise<number> {
  const scenarios = (await readdir(SCENARIOS)).map((file) => file.replace(/\.ts$/, "")).toSorted();
  const read = readLoadOptions(process.argv.slice(2), scenarios);
  if (read.kind === "help") {
    console.log(usage(scenarios));
    return 0;
  }
  if (read.kind === "fault") throw new Error(`${read.message}\n\n${usage(scenarios)}`);
  const k6 = await findK6({ k6Bin: process.env["K6_BIN"] });
  if (!k6) {
    console.error(HOW_TO_INSTALL);
    return NO_K6;
  }
  if (read.kind === "find-k6") {
    console.log(`k6 ${k6.version}: ${k6.path}`);
    return 0;
  }
  const { options } = read;
  return options.url ? againstRunning(k6, options, options.url) : againstOwn(k6, options);
}

async function againstRunning(k6: K6, options: LoadOptions, url: URL): Promise<number> {
  const token = process.env["ADMIN_TOKEN"];
  if (!token) throw new Error("ADMIN_TOKEN is not set: set it to the admin token of the limiter at --url");
  const permissions = { LOAD_CHANGE_POLICY: options.changePolicy ? "1" : "0" };
  return runK6(k6, options, { LOAD_URL: url.href, ADMIN_TOKEN: token, ...permissions });
}

async function againstOwn(k6: K6, options: LoadOptions): Promise<number> {
  const token = randomBytes(32).toString("hex");
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-load-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  console.log("Building and starting the product ...");
  const variables = { ADMIN_TOKEN: token, ...LONG_DEADLINE };
  // Imported late: Miniflare takes a while to load, and the errors above need not wait for it.
  const { startLocalProduct } = await import("./local-product.ts");
  const product = await startLocalProduct({ port: 0, directory, variables });
  try {
    const before = await runtimeMiB(process.pid);
    // This product's state is deleted afterwards.
    const permissions = { LOAD_CHANGE_POLICY: "1", LOAD_LEAVE_ACCOUNTS: "1" };
    const own = { LOAD_URL: product.url.href, LOAD_ONE_ISOLATE: "1" };
    const code = await runK6(k6, options, { ...own, ADMIN_TOKEN: token, ...permissions });
    console.log(`Memory of workerd: ${before} MiB before, ${await runtimeMiB(process.pid)} MiB after`);
    return code;
  } finally {
    await product.close();
  }
}

/**
 * Runs k6. Runs may overlap: k6 listens on no fixed port. Secrets are passed in the environment, which other users of the
 * machine cannot read.
 * @returns k6's exit code.
 */
async function runK6(k6: K6, options: LoadOptions, variables: Record<string, string>): Promise<number> {
  const { scenario, profile } = options;
  const reports = resolve(options.out ?? join(ROOT, ".load", scenario));
  await mkdir(reports, { recursive: true });
  console.log(`k6 ${k6.version}: ${scenario}, ${profile} profile, ${variables["LOAD_URL"]}`);
  const code = await new Promise<number>((done, fail) => {
    child = spawn(k6.path, ["run", "--quiet", "--address", "", join(SCENARIOS, `${scenario}.ts`)], {
      stdio: "inherit",
      // Outside the terminal's process group, so that each signal reaches k6 once, through this process.
      detached: true,
      env: {
        ...process.env,
        ...variables,
        LOAD_PROFILE: profile,
        LOAD_REPORTS: reports,
        K6_NO_USAGE_REPORT: "true",
        K6_WEB_DASHBOARD: "true",
        // k6 also serves the page that it exports: on any free port, to this machine only.
        K6_WEB_DASHBOARD_HOST: "127.0.0.1",
        K6_WEB_DASHBOARD_PORT: "0",
        K6_WEB_DASHBOARD_PERIOD: profile === "short" ? "1s" : "10s",
        K6_WEB_DASHBOARD_EXPORT: join(reports, "report.html"),
      },
    });
    child.once("error", fail);
    child.once("exit", (exit) => done(exit ?? 1));
  });
  child = null;
  console.log(`Reports: ${relative(process.cwd(), join(reports, "report.html"))}, summary.json`);
  return code;
}
