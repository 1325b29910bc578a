/**
 * An empty project outside the repository, as a user of the client package has it: the packed tarball installed by npm, and the settings that
 * `tsc --init` writes. Other packages that a program needs come from the repository, since npm may not reach a registry.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
export const ROOT = join(import.meta.dirname, "..", "..");
const BIN = join(ROOT, "node_modules", ".bin");
/** What programs of the tests import, and its types. */
const LINKED = [
  "hono",
  "hono-rate-limiter",
  "express",
  "express-rate-limit",
  "@types/express",
  "@types/node",
];

export class Project {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  async write(name: string, text: string): Promise<void> {
    await mkdir(dirname(this.file(name)), { recursive: true });
    await writeFile(this.file(name), text);
  }

  /** Copies a file of the repository. */
  async copy(from: string, to: string): Promise<void> {
    await mkdir(dirname(this.file(to)), { recursive: true });
    await cp(join(ROOT, from), this.file(to));
  }

  /** Compiles everything without output. @returns what the compiler says: "" if all is right. */
  async typeFaults(): Promise<string> {
    return run(join(BIN, "tsc"), ["--noEmit"], { cwd: this.directory }).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout || "tsc failed",
    );
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** @throws with npm's output if the package cannot be packed or installed. */
export async function makeProject(): Promise<Project> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-project-"));
  const project = new Project(directory);
  await npm(["pack", "--pack-destination", directory], join(ROOT, "packages", "client"));
  const tarball = (await readdir(directory)).find((file) => file.endsWith(".tgz")) ?? "";
  await project.write("package.json", '{ "name": "empty", "type": "module" }\n');
  await npm(["install", "--offline", `./${tarball}`], directory);
  const modules = join(directory, "node_modules");
  await mkdir(join(modules, "@types"), { recursive: true });
  for (const name of LINKED) await symlink(join(ROOT, "node_modules", name), join(modules, name));
  await run(join(BIN, "tsc"), ["--init"], { cwd: directory });
  return project;
}

/** Without the settings of the npm that runs the tests. */
async function npm(command: readonly string[], cwd: string): Promise<void> {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  await run("npm", [...command, "--no-audit", "--no-fund"], { cwd, env: Object.fromEntries(own) });
}
