/**
 * docs/operations.md and SECURITY.md: each test that they name exists by that name, each fault and each attack is shown by one, and
 * each alert has its section.
 */
import { access, glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const FAULTS = "## What happens when something breaks";

const read = (path: string): Promise<string> => readFile(join(ROOT, path), "utf8");

interface Named {
  readonly file: string;
  readonly name: string;
}

/** Tests are named as `` `test/…test.ts` "the test's name as the file has it" ``. */
function testsIn(text: string): Named[] {
  return [...text.matchAll(/`(test\/[\w/.-]+\.test\.ts)` "([^"]+)"/g)].map(([, file = "", name = ""]) => ({
    file,
    name,
  }));
}

/** Whether a test of that name, and not only a group of them, is in the source. */
function hasTest(source: string, name: string): boolean {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const title = new RegExp(`^(.*?)\\(\\s*(["'\`])${quoted}\\2,`, "gm");
  return [...source.matchAll(title)].some(([, before = ""]) => !before.includes("describe"));
}

/** The rows of the first table after a heading, without its head. */
function rowsAfter(text: string, heading: string): string[] {
  const [, section = ""] = text.split(`${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return own
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2);
}

async function missing(text: string): Promise<Named[]> {
  const found: Named[] = [];
  for (const named of testsIn(text)) {
    const source = await read(named.file).catch(() => "");
    if (!hasTest(source, named.name)) found.push(named);
  }
  return found;
}

test("each fault of the table names its test, and each test that is named exists", async () => {
  const text = await read("docs/operations.md");
  const rows = rowsAfter(text, FAULTS);
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows) {
    expect(row.split("|"), row).toHaveLength(7);
    expect(testsIn(row), row).toHaveLength(1);
  }
  expect(await missing(text)).toEqual([]);
});

test("each attack of SECURITY.md names the file that defends and its test, and all of them exist", async () => {
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

test("a test that is not there, was renamed, or is a group only, is found", async () => {
  const named = (file: string, name: string) => `\`${file}\` "${name}"`;
  const wrong = [
    named("test/edge/circuit.test.ts", "an object that failed three times"),
    named("test/edge/circuit.test.ts", "a circuit"),
    named("test/edge/nowhere.test.ts", "a circuit"),
  ];
  const right = named("test/edge/circuit.test.ts", "an object that answers now and then is not cut off");
  expect((await missing([...wrong, right].join("\n"))).map(({ name }) => name)).toEqual([
    "an object that failed three times",
    "a circuit",
    "a circuit",
  ]);
});

test("each alert has a section, and each section of an alert its alert", async () => {
  const rules = await read("monitoring/alerts.yml");
  const alerts = [...rules.matchAll(/^\s*- alert: (\w+)$/gm)].map(([, name = ""]) => name);
  const text = await read("docs/operations.md");
  const sections = [...text.matchAll(/^### (EdgeLimiter\w+)\n(.+)/gm)].map(([, name = ""]) => name);
  expect(sections.toSorted()).toEqual(alerts.toSorted());
});

test("each event that is logged as a warning or an error is told of, and none besides", async () => {
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
  const told = rows
    .map((row) => row.split("|")[1] ?? "")
    .join()
    .match(/\w+/g);
  expect(told?.toSorted()).toEqual([...logged].toSorted());
});
