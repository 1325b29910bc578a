/** Builds the bundle of a Worker, exactly as `wrangler deploy` would upload it. */
import { execFile } from "node:child_process";
import { copyFile, readdir, readFile, utimes } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { MODULES_METAFILE } from "./build-modules.ts";
import { buildError } from "./failed-command.ts";
import { isFresh } from "./freshness.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
/** The file of a bundle in its directory. */
export const ENTRY = "index.js";
/** Lists the source files of the bundle. Written beside it. */
const METAFILE = "bundle-meta.json";
/** Where wrangler writes the modules that are loaded on first use (build-modules.ts), and the list of their source files. */
const MODULES = "modules";
const MODULES_META = "modules-meta.json";

/**
 * Builds the Worker that `config` (relative to the repository) describes.
 * @param reuse keep the existing bundle if it is newer than all of its sources.
 * @returns the path of the bundle.
 * @throws with the compiler's output if the build fails.
 */
export async function bundle(config: string, directory: string, reuse: boolean): Promise<string> {
  const entry = join(directory, ENTRY);
  if (reuse && (await isReusable(config, directory))) return entry;
  const wrangler = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");
  const command = ["deploy", "--dry-run", "--metafile", "--config", config, "--outdir", directory];
  const startedAt = new Date();
  try {
    await run(process.execPath, [wrangler, ...command], { cwd: ROOT });
  } catch (thrown) {
    throw buildError(`the build of ${config}`, thrown);
  }
  if ((await modulesOf(entry)).length > 0) await copyFile(MODULES_METAFILE, join(directory, MODULES_META));
  // The bundle may lack a change that was saved while the build ran, so it gets the time when the build started.
  await utimes(entry, startedAt, startedAt);
  return entry;
}

/** The paths of the modules that are loaded on first use by the bundle at `entry`. */
export async function modulesOf(entry: string): Promise<string[]> {
  const directory = join(dirname(entry), MODULES);
  const files = await readdir(directory).catch(() => []);
  return files.filter((file) => file.endsWith(".mjs")).map((file) => join(directory, file));
}

/** Compares the lock file instead of the installed packages: npm gives their files old dates. */
async function isReusable(config: string, directory: string): Promise<boolean> {
  const entry = join(directory, ENTRY);
  const base = dirname(join(ROOT, config));
  try {
    const hasModules = (await modulesOf(entry)).length > 0;
    return await isFresh(entry, [
      join(ROOT, config),
      join(ROOT, "package-lock.json"),
      ...(await sourcesOf(join(directory, METAFILE), base)),
      ...(hasModules ? await sourcesOf(join(directory, MODULES_META), ROOT) : []),
    ]);
  } catch {
    return false;
  }
}

/** The keys of the metafile's `inputs`, resolved against `base`. */
async function sourcesOf(metafile: string, base: string): Promise<string[]> {
  const meta: unknown = JSON.parse(await readFile(metafile, "utf8"));
  if (typeof meta === "object" && meta !== null && "inputs" in meta && typeof meta.inputs === "object") {
    const inputs = Object.keys(meta.inputs ?? {});
    // Written by the build itself, from sources that are listed too.
    return inputs
      .filter((file) => !file.endsWith(".mjs") || file.includes("node_modules"))
      .map((file) => resolve(base, file));
  }
  throw new Error(`${metafile} is not a metafile of esbuild`);
}
