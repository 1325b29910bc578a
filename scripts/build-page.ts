/**
 * Builds the dashboard and the portal (with Vite) into dist/assets/<name>. Skips a build if a digest of its inputs shows that they have not
 * changed. Never leaves a page that names missing files: the page is written last, and files of earlier builds are removed an hour later.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { buildError } from "./failed-command.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const PAGE = "index.html";
/** How long an open page may still load the files of an earlier build. */
const KEEP_MS = 3_600_000;
/** A build takes about a second, longer on a busy machine. */
const BUILD_TIMEOUT_MS = 120_000;

/** The pages, and the directories with the sources of each. */
const SOURCES = { dashboard: ["dashboard"], portal: ["portal", "dashboard"] } as const;
type PageName = keyof typeof SOURCES;

interface PageBuild {
  /** Digest of the build's inputs. */
  readonly sources: string;
  /** File names below the page's assets, sorted. */
  readonly files: readonly string[];
}

/** Writes a file below the assets, atomically, unless it is unchanged. */
type Write = (name: string, content: Buffer) => Promise<void>;

/**
 * @param dist the output directory; `write` writes below its `assets`.
 * @throws with the compiler's output if the build fails.
 */
export async function buildPage(page: PageName, dist: string, write: Write): Promise<void> {
  const target = join(dist, "assets", page);
  const sources = await digestOfSources(page);
  const last = await builtPage(page, dist);
  if (last?.sources === sources && (await exist(target, last.files))) return;
  await mkdir(dist, { recursive: true });
  const built = await mkdtemp(join(dist, `${page}-`));
  try {
    await vite(page, built);
    const names = await filesIn(built);
    // The page goes last, since it names the others.
    for (const name of names.toSorted((a, b) => Number(a === PAGE) - Number(b === PAGE))) {
      await write(`${page}/${name}`, await readFile(join(built, name)));
    }
    await removeOld(target, new Set(names));
    await writeFile(recordOf(page, dist), JSON.stringify({ sources, files: names } satisfies PageBuild));
  } finally {
    await rm(built, { recursive: true, force: true });
  }
}

/** The file that describes the last build. Outside the assets. */
function recordOf(page: PageName, dist: string): string {
  return join(dist, `${page}.json`);
}

/** The last build, or null if there is none. */
export async function builtPage(page: PageName, dist: string): Promise<PageBuild | null> {
  try {
    const record: unknown = JSON.parse(await readFile(recordOf(page, dist), "utf8"));
    if (typeof record !== "object" || record === null || !("sources" in record) || !("files" in record))
      return null;
    const { sources, files } = record;
    if (typeof sources !== "string" || !Array.isArray(files)) return null;
    return { sources, files: files.filter((name) => typeof name === "string") };
  } catch {
    return null;
  }
}

/** Runs Vite as a separate process, since it changes the environment of its process. */
async function vite(page: PageName, outDir: string): Promise<void> {
  const command = join(ROOT, "node_modules", "vite", "bin", "vite.js");
  const options = ["--config", join(ROOT, page, "vite.config.ts"), "--outDir", outDir, "--logLevel", "warn"];
  try {
    const { NODE_ENV: _test, ...env } = process.env;
    await run(process.execPath, [command, "build", ...options], {
      cwd: ROOT,
      env,
      timeout: BUILD_TIMEOUT_MS,
    });
  } catch (thrown) {
    throw buildError(`the build of the ${page}`, thrown);
  }
}

/** Covers the sources, the compiler options, and the installed packages by way of the lock file. */
async function digestOfSources(page: PageName): Promise<string> {
  const hash = createHash("sha256");
  const sources = SOURCES[page].map(async (directory) =>
    (await filesIn(join(ROOT, directory))).map((name) => join(ROOT, directory, name)),
  );
  const files = [
    ...(await Promise.all(sources)).flat(),
    join(ROOT, "package-lock.json"),
    join(ROOT, "tsconfig.json"),
  ];
  for (const file of files) {
    const content = await readFile(file);
    hash.update(`${relative(ROOT, file)} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

async function removeOld(directory: string, current: ReadonlySet<string>): Promise<void> {
  for (const name of await filesIn(directory)) {
    const file = join(directory, name);
    if (!current.has(name) && Date.now() - (await stat(file)).mtimeMs > KEEP_MS)
      await rm(file, { force: true });
  }
}

/** Names of all files below a directory, sorted. */
async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .toSorted();
}

/** Whether the page and all other files of a build exist. */
async function exist(directory: string, names: readonly string[]): Promise<boolean> {
  const found = names.map((name) => stat(join(directory, name)));
  return Promise.all(found).then(
    () => names.includes(PAGE),
    () => false,
  );
}
