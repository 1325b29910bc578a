/** The bundle of a Worker, exactly as `wrangler deploy` would upload it. */
import { execFile } from "node:child_process";
import { readFile, stat, utimes } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const ENTRY = "index.js";
/** Written beside the bundle: which files it was made from. */
const METAFILE = "bundle-meta.json";

/**
 * Makes the bundle of the Worker that `config` (relative to the repository) describes, and returns its path.
 * @param reuse keep the bundle that is there where it is newer than all that went into it.
 * @throws with the compiler's own words where the build fails.
 */
export async function bundle(config: string, directory: string, reuse: boolean): Promise<string> {
  const entry = join(directory, ENTRY);
  if (reuse && (await isFresh(config, directory))) return entry;
  const wrangler = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");
  const command = ["deploy", "--dry-run", "--metafile", "--config", config, "--outdir", directory];
  const startedAt = new Date();
  try {
    await run(process.execPath, [wrangler, ...command], { cwd: ROOT });
  } catch (thrown) {
    throw new Error(`the build of ${config} failed\n${outputOf(thrown)}`, { cause: thrown });
  }
  // A file that was saved while the build ran may not be in it.
  await utimes(entry, startedAt, startedAt);
  return entry;
}

/** The installed packages count by the lock file: npm gives their files old dates. */
async function isFresh(config: string, directory: string): Promise<boolean> {
  try {
    const { mtimeMs: builtMs } = await stat(join(directory, ENTRY));
    const base = dirname(join(ROOT, config));
    const sources = await sourcesOf(join(directory, METAFILE));
    const files = [
      join(ROOT, config),
      join(ROOT, "package-lock.json"),
      ...sources.map((file) => resolve(base, file)),
    ];
    // Not when it was written: a file that is put back may bring an old date along.
    const changes = await Promise.all(files.map(async (file) => (await stat(file)).ctimeMs));
    return changes.every((changedMs) => changedMs < builtMs);
  } catch {
    return false;
  }
}

/** The keys of the metafile's `inputs`, relative to the configuration's directory. */
async function sourcesOf(metafile: string): Promise<string[]> {
  const meta: unknown = JSON.parse(await readFile(metafile, "utf8"));
  if (typeof meta === "object" && meta !== null && "inputs" in meta && typeof meta.inputs === "object") {
    return Object.keys(meta.inputs ?? {});
  }
  throw new Error(`${metafile} is not a metafile of esbuild`);
}

/** What a failed command wrote, which is where wrangler says what is wrong. */
function outputOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  const { stdout = "", stderr = "" }: { stdout?: unknown; stderr?: unknown } = thrown;
  return stripVTControlCharacters(`${String(stdout)}${String(stderr)}`).trim() || String(thrown);
}
