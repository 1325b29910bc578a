/** Each complaint in the table of README.md has a test, which runs and links to the place where the complaint was raised. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

const complaints = read("test/peers/README.md")
  .split("\n")
  .slice(7)
  .filter((line) => line.startsWith("|"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, complaint = "", raised = "", tests = ""]) => ({ complaint, raised, tests: tests.split("<br>") }));

it("lists every complaint", () => {
  expect(complaints).toHaveLength(21);
});

it.each(complaints)("$complaint: its test exists, runs, and links to the complaint", (complaint) => {
  for (const named of complaint.tests) {
    const [, path = "", title = ""] = /^`(test\/[\w/-]+\.test\.ts)`: (.+)$/.exec(named) ?? [];
    const source = read(path);
    const at = source.indexOf(JSON.stringify(title));
    expect(at, `${path} has no test "${title}"`).toBeGreaterThan(0);
    expect(source).not.toMatch(/\b(?:it|describe)\.(?:skip|only|todo|fails)/);
    const beginning = source.slice(at).split("\n", 3).join("\n");
    expect(beginning).toContain(`// ${complaint.raised}`);
  }
});
