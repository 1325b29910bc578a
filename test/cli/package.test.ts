/** The package that `npm pack` makes: one program without dependencies, which runs outside the repository. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);

it("runs from the package that npm pack makes, without the repository's packages", async () => {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-package-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await run("npm", ["pack", "-w", "packages/cli", "--pack-destination", directory], { cwd: ROOT });
  const [tarball = ""] = await readdir(directory);
  await run("tar", ["-xzf", tarball], { cwd: directory });
  expect((await readdir(join(directory, "package"))).toSorted()).toEqual([
    "LICENSE",
    "bin",
    "dist",
    "package.json",
  ]);
  const program = join(directory, "package", "bin", "edge-limiter.js");
  const policy = join(ROOT, "policy", "default.json");
  const { stdout } = await run(process.execPath, [program, "policy", "validate", "-f", policy], {
    cwd: directory,
  });
  expect(stdout).toBe(`${policy} is valid\n`);
});
