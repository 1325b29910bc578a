/**
 * `npm run bench:quote`: inserts the tables of the last full `npm run bench` into docs/performance.md, and five rows of them into
 * README.md, between the markers of quote.ts.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chooseRows, quote } from "./quote.ts";
import { README_ROWS } from "./target-rows.ts";

const ROOT = join(import.meta.dirname, "..");
const RESULTS = join(ROOT, "bench", "results");
const FULL = /^[\dT-]+\.md$/;
const names = await readdir(RESULTS).catch(() => []);
const last = names
  .filter((name) => FULL.test(name))
  .toSorted()
  .at(-1);
if (last === undefined) throw new Error("there are no results of a full run yet: run npm run bench first");
const all = (await readFile(join(RESULTS, last), "utf8")).trim();
// The line that describes the run, then the table of targets.
const [run = "", targets = ""] = all.split("\n\n");
// No chosen row is about many users.
const chosen = `${run.replace(/ "Many users" means .*$/, "")}\n\n${chooseRows(targets, README_ROWS)}`;
for (const document of ["README.md", join("docs", "performance.md")]) {
  const path = join(ROOT, document);
  const before = await readFile(path, "utf8");
  const after = quote(before, { chosen, all });
  if (after !== before) await writeFile(path, after);
  console.log(`${document}: ${after === before ? "unchanged" : `now has the tables of ${last}`}`);
}
