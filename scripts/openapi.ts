/** `npm run openapi`: writes docs/openapi.json from the contract. `--check` writes nothing and fails if the file is out of date. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runnerImport } from "vite";

const ROOT = join(import.meta.dirname, "..");
const FILE = join(ROOT, "docs", "openapi.json");

/** The part of openapi/document.ts used here. Its own types lead to the platform's, which scripts are not compiled against. */
interface DocumentModule {
  readonly openApiDocument: (version: string) => Promise<unknown>;
}

/** Loaded by Vite, because the contract contains the Worker's handlers, whose imports are resolved by a bundler. */
async function generate(): Promise<string> {
  const { module } = await runnerImport<DocumentModule>(join(ROOT, "openapi", "document.ts"), {
    configFile: false,
    root: ROOT,
    logLevel: "error",
  });
  const { version }: { version: string } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  return `${JSON.stringify(await module.openApiDocument(version), null, 2)}\n`;
}

const text = await generate();
const current = await readFile(FILE, "utf8").catch(() => "");
if (process.argv.includes("--check")) {
  if (text !== current) {
    console.error("docs/openapi.json is out of date: run npm run openapi");
    process.exitCode = 1;
  }
} else if (text !== current) {
  await writeFile(FILE, text);
}
