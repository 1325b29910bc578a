/**
 * `npm run openapi`: writes docs/openapi.json from the API contract. With `--check` it writes nothing and fails if the file
 * is outdated.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isFields } from "./doctor/fields.ts";

const ROOT = join(import.meta.dirname, "..");
const FILE = join(ROOT, "docs", "openapi.json");

/** Imports the module by URL: its types depend on the platform's, which scripts are not compiled against. */
async function generate(): Promise<string> {
  const module: unknown = await import(new URL("../openapi/document.ts", import.meta.url).href);
  const openApiDocument = isFields(module) ? module["openApiDocument"] : undefined;
  if (typeof openApiDocument !== "function") throw new Error("document.ts exports no openApiDocument");
  const { version }: { version?: unknown } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const document: unknown = await openApiDocument(version);
  return `${JSON.stringify(document, null, 2)}\n`;
}

const text = await generate();
const current = await readFile(FILE, "utf8").catch(() => "");
if (process.argv.includes("--check")) {
  if (text !== current) {
    console.error("docs/openapi.json is outdated: run npm run openapi");
    process.exitCode = 1;
  }
} else if (text !== current) {
  await writeFile(FILE, text);
}
