/**
 * Builds the dashboard (dashboard/, by Vite) into dist/assets/dashboard, where nothing of it has been built yet: what was built
 * is kept by a digest of all that goes into it. Never leaves a page that names files which are not there: the page is written
 * last, and files of earlier pages go an hour later.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const SOURCES = join(ROOT, "dashboard");
const PAGE = "index.html";
/** Written beside the assets: what was built. */
const RECORD = "dashboard.json";
/** A page that a browser still shows may load its files for so long. */
const KEEP_MS = 3_600_000;
/** A build takes about a second; on a busy machine some more. */
const BUILD_TIMEOUT_MS = 120_000;

export interface Built {
  /** Digest of what it was built from. */
  readonly sources: string;
  /** Names below assets/dashboard, sorted. */
  readonly files: readonly string[];
}

/** Writes a file of the assets, by its name below them, at once and only where it is another. */
type Write = (name: string, content: Buffer) => Promise<void>;

/**
 * @param dist the directory of what is built; `write` writes below its `assets`.
 * @throws with the compiler's own words.
 */
export async function buildDashboard(dist: string, write: Write): Promise<void> {
  const target = join(dist, "assets", "dashboard");
  const sources = await digestOfSources();
  const there = await builtDashboard(dist);
  if (there?.sources === sources && (await areThere(target, there.files))) return;
  await mkdir(dist, { recursive: true });
  const built = await mkdtemp(join(dist, "dashboard-"));
  try {
    await vite(built);
    const names = await filesIn(built);
    // The page names the others.
    for (const name of names.toSorted((a, b) => Number(a === PAGE) - Number(b === PAGE))) {
      await write(`dashboard/${name}`, await readFile(join(built, name)));
    }
    await removeOld(target, new Set(names));
    await writeFile(join(dist, RECORD), JSON.stringify({ sources, files: names } satisfies Built));
  } finally {
    await rm(built, { recursive: true, force: true });
  }
}

/** What was built last, or null where nothing was. */
export async function builtDashboard(dist: string): Promise<Built | null> {
  try {
    const record: unknown = JSON.parse(await readFile(join(dist, RECORD), "utf8"));
    if (typeof record !== "object" || record === null || !("sources" in record) || !("files" in record))
      return null;
    const { sources, files } = record;
    if (typeof sources !== "string" || !Array.isArray(files)) return null;
    return { sources, files: files.filter((name) => typeof name === "string") };
  } catch {
    return null;
  }
}

/** In a process of its own: Vite sets variables of the process that it runs in. */
async function vite(outDir: string): Promise<void> {
  const command = join(ROOT, "node_modules", "vite", "bin", "vite.js");
  const options = ["--config", join(SOURCES, "vite.config.ts"), "--outDir", outDir, "--logLevel", "warn"];
  try {
    const { NODE_ENV: _test, ...env } = process.env;
    await run(process.execPath, [command, "build", ...options], {
      cwd: ROOT,
      env,
      timeout: BUILD_TIMEOUT_MS,
    });
  } catch (thrown) {
    throw new Error(`the build of the dashboard failed\n${outputOf(thrown)}`, { cause: thrown });
  }
}

/** Of the sources, of the installed packages by the lock file, and of what the compiler is told. */
async function digestOfSources(): Promise<string> {
  const hash = createHash("sha256");
  const files = [
    ...(await filesIn(SOURCES)).map((name) => join(SOURCES, name)),
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

/** Names of all files below, sorted. */
async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .toSorted();
}

async function areThere(directory: string, names: readonly string[]): Promise<boolean> {
  const found = names.map((name) => stat(join(directory, name)));
  return Promise.all(found).then(
    () => names.includes(PAGE),
    () => false,
  );
}

/** What a failed command wrote, which is where Vite says what is wrong; not where in Vite. */
function outputOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  const { stdout = "", stderr = "" }: { stdout?: unknown; stderr?: unknown } = thrown;
  const lines = stripVTControlCharacters(`${String(stdout)}${String(stderr)}`).split("\n");
  const said = lines.filter((line) => !/^\s+(at |\d+: )|^\s*(errors: |\}$|Stack backtrace)/.test(line));
  return said.join("\n").trim() || String(thrown);
}
