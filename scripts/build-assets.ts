/**
 * Makes dist/assets, the static files that the Worker serves: the OpenAPI document, the page at /docs that shows it,
 * and the dashboard.
 *
 * `wrangler dev` and `wrangler deploy` run it ([build] in wrangler.toml), as do tests and `npm start`. Writes only what has
 * changed and deletes nothing of use, so that it may run while another one runs, or while the files are being served.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildDashboard } from "./build-dashboard.ts";

const ROOT = join(import.meta.dirname, "..");
const PAGE = join(ROOT, "openapi", "page");

/** What of Swagger UI the page loads, and the licences that must go with it; under which names. */
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
 * @throws with the compiler's own words where the dashboard does not build.
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
  // At once, for whoever reads it at this moment; beside the assets, which are served as they lie there.
  const unfinished = join(ROOT, "dist", `${name.replaceAll("/", "-")}.${process.pid}`);
  await writeFile(unfinished, content);
  await rename(unfinished, file);
}

if (import.meta.main) {
  await buildAssets().catch((thrown: unknown) => {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    process.exitCode = 1;
  });
}
