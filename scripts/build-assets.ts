/**
 * Builds dist/assets, the static files that the Worker serves: the OpenAPI document, the page at /docs that renders it,
 * the dashboard and the portal. Never deletes a file in use, so it may run while the files are being served.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildPage } from "./build-page.ts";
import { writeChanged } from "./write-changed.ts";

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

/** The fonts of PDFs, which the Worker reads with the first PDF, and their licence. */
const FONTS = join(ROOT, "fonts");
const FONT_FILES = ["inter-400.ttf", "inter-600.ttf", "OFL.txt"];

export const ASSETS_DIRECTORY = join(ROOT, "dist", "assets");

/**
 * Builds the assets.
 * @throws with the compiler's output if a page does not build.
 */
export async function buildAssets(): Promise<void> {
  const swaggerUi = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));
  await Promise.all([
    write("openapi.json", await minified(join(ROOT, "docs", "openapi.json"))),
    copy(join(PAGE, "index.html"), "docs.html"),
    ...["page.css", "page.js"].map(async (name) => copy(join(PAGE, name), `docs/${name}`)),
    ...FONT_FILES.map(async (name) => copy(join(FONTS, name), `fonts/${name}`)),
    ...Object.entries(SWAGGER_UI).map(async ([from, to]) => copy(join(swaggerUi, from), `docs/${to}`)),
    buildPage("dashboard", join(ROOT, "dist"), write),
    buildPage("portal", join(ROOT, "dist"), write),
  ]);
}

async function minified(file: string): Promise<Buffer> {
  return Buffer.from(JSON.stringify(JSON.parse(await readFile(file, "utf8"))));
}

async function copy(from: string, to: string): Promise<void> {
  await write(to, await readFile(from));
}

async function write(name: string, content: Buffer): Promise<void> {
  await writeChanged(join(ASSETS_DIRECTORY, name), content);
}
