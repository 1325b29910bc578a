/**
 * Builds dist/assets, the static files that the Worker serves: the OpenAPI document, the page at /docs that renders it,
 * and the dashboard.
 *
 * `wrangler dev` and `wrangler deploy` run it ([build] in wrangler.toml), as do tests and `npm start`. Never rewrites an
 * unchanged file and never deletes one in use, so it may run concurrently and while the files are being served.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildDashboard } from "./build-dashboard.ts";

const ROOT = join(import.meta.dirname, "..");
const PAGE = join(ROOT, "openapi", "page");

/** Files of Swagger UI that the page loads, and the licences that must accompany them, with their published names. */
const SWAGGER_UI: Readonly<Record<string, string>> = {
  "swagger-ui.css": "swagger-ui.css",
  "swagger-ui-bundle.js": "swagger-ui-bundle.js",
  "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
  "favicon-32x32.png": "favicon-32x32.png",
  LICENSE: "LICENSE.txt",
  NOTICE: "NOTICE.txt",
};

export const ASSETS_DIRECTORY = join(ROOT, "dist", "assets");

/**
 * Builds the assets.
 * @throws with the compiler's output if the dashboard does not build.
 */
export async function buildAssets(): Promise<void> {
  const swaggerUi = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));
  await Promise.all([
    writeChanged("openapi.json", await minified(join(ROOT, "docs", "openapi.json"))),
    copy(join(PAGE, "index.html"), "docs.html"),
    ...["page.css", "page.js"].map(async (name) => copy(join(PAGE, name), `docs/${name}`)),
    ...Object.entries(SWAGGER_UI).map(async ([from, to]) => copy(join(swaggerUi, from), `docs/${to}`)),
    buildDashboard(join(ROOT, "dist"), writeChanged),
  ]);
}

async function minified(file: string): Promise<Buffer> {
  return Buffer.from(JSON.stringify(JSON.parse(await readFile(file, "utf8"))));
}

async function copy(from: string, to: string): Promise<void> {
  await writeChanged(to, await readFile(from));
}

async function writeChanged(name: string, content: Buffer): Promise<void> {
  const file = join(ASSETS_DIRECTORY, name);
  const there = await readFile(file).catch(() => null);
  if (there?.equals(content)) return;
  await mkdir(dirname(file), { recursive: true });
  // A rename is atomic for concurrent readers. The temporary file is outside the assets, where it would be served.
  const temporary = join(ROOT, "dist", `${name.replaceAll("/", "-")}.${process.pid}`);
  await writeFile(temporary, content);
  await rename(temporary, file);
}

/** The command of [build]: {@link buildAssets}, with exit code 1 and the reason on stderr if it fails. */
export async function run(): Promise<void> {
  await buildAssets().catch((thrown: unknown) => {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    process.exitCode = 1;
  });
}

if (import.meta.main) await run();
