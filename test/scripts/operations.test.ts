/**
 * docs/operations.md and SECURITY.md: each test that they name exists, each fault and each attack names its test, and each
 * alert and each logged event is documented.
 */
import { access, glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const FAULTS = "## What happens when something breaks";

const read = (path: string): Promise<string> => readFile(join(ROOT, path), "utf8");

interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** The tests named in a document, as `` `test/…test.ts` "the test's name as in the file" ``. */
function testsIn(text: string): NamedTest[] {
  return [...text.matchAll(/`(test\/[\w/.-]+\.test\.ts)` "([^"]+)"/g)].map(([, file = "", name = ""]) => ({
    file,
    name,
  }));
}

/** Whether the source has a test, not only a group, of that name. */
function hasTest(source: string, name: string): boolean {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const title = new RegExp(`^(.*?)\\(\\s*(["'\`])${quoted}\\2,`, "gm");
  return [...source.matchAll(title)].some(([, before = ""]) => !before.includes("describe"));
}

/** The rows of the first table after a heading, without its header. */
function rowsAfter(text: string, heading: string): string[] {
  const [, section = ""] = text.split(`${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return own
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2);
}

/** The tests that a document names and that do not exist. */
async function missing(text: string): Promise<NamedTest[]> {
  const found: NamedTest[] = [];
  for (const named of testsIn(text)) {
    const source = await read(named.file).catch(() => "");
    if (!hasTest(source, named.name)) found.push(named);
  }
  return found;
}

test("each fault of the table names its test, and each named test exists", async () => {
  const text = await read("docs/operations.md");
  const rows = rowsAfter(text, FAULTS);
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows) {
    expect(row.split("|"), row).toHaveLength(7);
    expect(testsIn(row), row).toHaveLength(1);
  }
  expect(await missing(text)).toEqual([]);
});

test("each attack of SECURITY.md names the defending file and its test, and all of them exist", async () => {
  const text = await read("SECURITY.md");
  const rows = rowsAfter(text, "## What is defended, and where");
  expect(rows.length).toBeGreaterThan(20);
  let defender = "";
  for (const row of rows) {
    const [, , , where = "", shown = "", ...rest] = row.split("|");
    expect(rest, row).toHaveLength(1);
    expect(testsIn(shown), row).toHaveLength(1);
    if (where.trim() !== "the same") defender = where.replaceAll(/[` ]/g, "");
    await expect(access(join(ROOT, defender)), row).resolves.toBeUndefined();
  }
  expect(await missing(text)).toEqual([]);
});

test("a missing test, a renamed test and a mere group are reported", async () => {
  const EVENTS = "test/scripts/wrangler-events.test.ts";
  const named = (file: string, name: string) => `\`${file}\` "${name}"`;
  const wrong = [
    named(EVENTS, "give the reason of a command that was renamed"),
    named(EVENTS, "wrangler's events"),
    named("test/scripts/nowhere.test.ts", "a missing file"),
  ];
  const right = named(EVENTS, "give the reason of a failed command");
  expect((await missing([...wrong, right].join("\n"))).map(({ name }) => name)).toEqual([
    "give the reason of a command that was renamed",
    "wrangler's events",
    "a missing file",
  ]);
});

test("each alert has a section, and each alert section has its alert", async () => {
  const rules = await read("monitoring/alerts.yml");
  const alerts = [...rules.matchAll(/^\s*- alert: (\w+)$/gm)].map(([, name = ""]) => name);
  const text = await read("docs/operations.md");
  const sections = [...text.matchAll(/^### (EdgeLimiter\w+)\n(.+)/gm)].map(([, name = ""]) => name);
  expect(sections.toSorted()).toEqual(alerts.toSorted());
});

test("exactly the events logged as warnings or errors are documented", async () => {
  const logged = new Set<string>();
  for await (const file of glob("{src,durable-objects}/**/*.ts", { cwd: ROOT })) {
    const source = await read(file);
    for (const [, event = ""] of source.matchAll(
      /(?:[lL]og(?:\("info"\))?\(\s*"(?:warn|error)",|#report\(|level: "error",\s*event:)\s*"(\w+)"/g,
    )) {
      logged.add(event);
    }
  }
  const rows = rowsAfter(await read("docs/operations.md"), "## What to watch");
  const documented = rows
    .map((row) => row.split("|")[1] ?? "")
    .join()
    .match(/\w+/g);
  expect(documented?.toSorted()).toEqual([...logged].toSorted());
});
