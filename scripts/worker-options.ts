/**
 * Miniflare's options for a Worker: bindings, storage and compatibility as wrangler.toml declares them, read by wrangler's own parser.
 * Keeps them beside the Worker's bundle, since loading wrangler takes a second. Never keeps variables or secrets.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { unstable_getMiniflareWorkerOptions } from "wrangler";
import { parsed } from "./doctor/fields.ts";
import { isFresh } from "./freshness.ts";

const ROOT = join(import.meta.dirname, "..");
const FILE = "worker-options.json";

type AllOptions = ReturnType<typeof unstable_getMiniflareWorkerOptions>["workerOptions"];
export type WorkerOptions = Omit<AllOptions, "assets" | "bindings">;

/**
 * The options of the Worker that `config` (relative to the repository) describes, without variables and assets.
 * @param directory where its bundle is.
 * @param reuse use the kept options if they are newer than `config` and the installed packages.
 * @throws wrangler's error if the file is invalid.
 */
export async function workerOptions(
  config: string,
  directory: string,
  reuse: boolean,
): Promise<WorkerOptions> {
  const file = join(directory, FILE);
  const kept = reuse ? await keptOptions(config, file) : null;
  if (kept) return kept;
  // Errors only: its hints are for `wrangler dev`.
  process.env["WRANGLER_LOG"] ??= "error";
  const { unstable_getMiniflareWorkerOptions: read } = await import("wrangler");
  const { assets: _assets, bindings: _variables, ...options } = read(join(ROOT, config)).workerOptions;
  await mkdir(directory, { recursive: true });
  await writeFile(file, JSON.stringify(options));
  return options;
}

/** Null if they are missing, older than their sources, or not readable. */
async function keptOptions(config: string, file: string): Promise<WorkerOptions | null> {
  if (!(await isFresh(file, [join(ROOT, config), join(ROOT, "package-lock.json")]))) return null;
  const options = parsed(await readFile(file, "utf8"));
  return isOptions(options) ? options : null;
}

/** Miniflare parses them in full. */
function isOptions(value: unknown): value is WorkerOptions {
  return typeof value === "object" && value !== null && "compatibilityDate" in value;
}
