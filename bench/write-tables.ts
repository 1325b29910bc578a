/**
 * `npm run bench:quote`: quotes the last full run, all of it in docs/performance.md and five rows in README.md, between the markers of
 * quote.ts. `npm run bench` writes the tables as Markdown beside its results.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chooseRows, quote } from "./quote.ts";

const ROOT = join(import.meta.dirname, "..");
const RESULTS = join(ROOT, "bench", "results");
const FULL = /^[\dT-]+\.md$/;
/** README's rows: what a user of the product asks first. Met and missed targets alike. */
const CHOSEN = [
  "P8 | admitted beyond 3,000 by 64 clients over 4 isolates: **strict**",
  "P6 | $ per million decisions, strict",
  "P5 | rows written per million strict decisions",
  "P4 | strict, to hono-rate-limiter",
  "P1 | leased, forwarded upstream",
];

const names = await readdir(RESULTS).catch(() => []);
const last = names
  .filter((name) => FULL.test(name))
  .toSorted()
  .at(-1);
if (last === undefined) throw new Error("there are no results of a full run yet: npm run bench");
const all = (await readFile(join(RESULTS, last), "utf8")).trim();
// The run in one line, then the table of targets.
const [run = "", targets = ""] = all.split("\n\n");
// None of the chosen rows is about many users.
const chosen = `${run.replace(/ Many users are .*$/, "")}\n\n${chooseRows(targets, CHOSEN)}`;
for (const document of ["README.md", join("docs", "performance.md")]) {
  const path = join(ROOT, document);
  const before = await readFile(path, "utf8");
  const after = quote(before, { chosen, all });
  if (after !== before) await writeFile(path, after);
  console.log(`${document}: ${after === before ? "unchanged" : `quotes ${last}`}`);
}
