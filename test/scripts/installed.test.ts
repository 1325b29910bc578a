/** In a clone without packages, the first commands say that npm ci must run first, on any version of Node. */
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");

it.each(["start", "doctor", "deploy"])("npm run %s says that npm ci must run first", async (script) => {
  const clone = await mkdtemp(join(tmpdir(), "edge-limiter-clone-"));
  onTestFinished(() => rm(clone, { recursive: true }));
  for (const part of ["package.json", "scripts"]) {
    await cp(join(ROOT, part), join(clone, part), { recursive: true });
  }
  const { status, stderr } = spawnSync("npm", ["run", script], { cwd: clone, encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toContain("The packages are not installed: run npm ci first.");
  expect(stderr).not.toMatch(/^\s+at /m);
});
