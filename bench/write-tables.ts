/**
 * `npm run bench:quote`: quotes the last full run in README.md and docs/performance.md, where they ask for it (quote.ts). `npm run
 * bench` writes the tables as Markdown beside its results.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quote } from "./quote.ts";

const ROOT = join(import.meta.dirname, "..");
const RESULTS = join(ROOT, "bench", "results");
const FULL = /^[\dT-]+\.md$/;

const names = await readdir(RESULTS).catch(() => []);
const last = names
  .filter((name) => FULL.test(name))
  .toSorted()
  .at(-1);
if (last === undefined) throw new Error("there are no results of a full run yet: npm run bench");
const all = (await readFile(join(RESULTS, last), "utf8")).trim();
// The run in one line, and the table of targets.
const targets = all.split("\n\n").slice(0, 2).join("\n\n");
for (const document of ["README.md", join("docs", "performance.md")]) {
  const path = join(ROOT, document);
  const before = await readFile(path, "utf8");
  const after = quote(before, { targets, all });
  if (after !== before) await writeFile(path, after);
  console.log(`${document}: ${after === before ? "as it was" : `quotes ${last}`}`);
}
