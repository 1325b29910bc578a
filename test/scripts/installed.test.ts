/** A clone before `npm ci`: its first commands say what comes first, on whatever Node the machine has. */
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");

it.each(["start", "doctor", "deploy"])("npm run %s says that npm ci comes first", async (script) => {
  const clone = await mkdtemp(join(tmpdir(), "edge-limiter-clone-"));
  onTestFinished(() => rm(clone, { recursive: true }));
  for (const part of ["package.json", "scripts"]) {
    await cp(join(ROOT, part), join(clone, part), { recursive: true });
  }
  const { status, stderr } = spawnSync("npm", ["run", script], { cwd: clone, encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toContain("Nothing is installed here yet: npm ci comes first.");
  expect(stderr).not.toMatch(/^\s+at /m);
});
