/** wrangler builds the Worker from any directory: with several `-c`, it runs in the directory of another Worker. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const WRANGLER = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");

test.each([
  { what: "its own directory", cwd: ROOT, isElsewhere: false },
  { what: "another directory", cwd: tmpdir(), isElsewhere: true },
])("wrangler builds the Worker in $what", { timeout: 120_000 }, async ({ cwd, isElsewhere }) => {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-wrangler-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const args = ["deploy", "--dry-run", "-c", join(ROOT, "wrangler.toml"), "--outdir", directory];
  const { stdout } = await promisify(execFile)(process.execPath, [WRANGLER, ...args], {
    cwd,
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_LOG_PATH: directory,
      CI: "true",
      WRANGLER_LOG: "log",
    },
  });
  // The first mention is the command itself.
  expect(stdout.split("Not in the directory of Edge Limiter")).toHaveLength(isElsewhere ? 3 : 2);
  expect(stdout).toContain("--dry-run: exiting now");
});
