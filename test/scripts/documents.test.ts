/** The Markdown documents: every link leads somewhere, every file they name exists, and the README stays short. */
import { access, glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");

/** A fenced block, whose lines are no links and no headings. */
const FENCED = /^ *```.*?^ *```$/gms;

async function markdown(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob("{*.md,{docs,monitoring,load,examples,packages,test,src}/**/*.md}", {
    cwd: ROOT,
  })) {
    if (!file.includes("node_modules")) files.push(file);
  }
  return files;
}

async function read(file: string): Promise<string> {
  return readFile(join(ROOT, file), "utf8");
}

function isThere(file: string): Promise<boolean> {
  return access(join(ROOT, file)).then(
    () => true,
    () => false,
  );
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.replaceAll(FENCED, "").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The links of a document to files of the repository, as `[file, anchor]`. */
function linksOf(file: string, text: string): [string, string | null][] {
  return [...text.replaceAll(FENCED, "").matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].map(([, link = ""]) => {
    const [path = "", anchor = null] = link.split("#");
    return [path === "" ? file : join(dirname(file), path), anchor];
  });
}

test("every link leads to a file and a heading of the repository", async () => {
  const broken: string[] = [];
  let links = 0;
  for (const file of await markdown()) {
    for (const [to, anchor] of linksOf(file, await read(file))) {
      links++;
      const isFound = (await isThere(to)) && (anchor === null || anchorsOf(await read(to)).includes(anchor));
      if (!isFound) broken.push(`${file}: ${to}${anchor === null ? "" : `#${anchor}`}`);
    }
  }
  expect(broken).toEqual([]);
  expect(links).toBeGreaterThan(40);
});

test("every test file that a document names exists", async () => {
  const missing: string[] = [];
  for (const file of await markdown()) {
    for (const [path] of (await read(file)).matchAll(/\btest\/[\w/-]+\.test\.ts\b/g)) {
      if (!(await isThere(path))) missing.push(`${file}: ${path}`);
    }
  }
  expect(missing).toEqual([]);
});

test("every source file that a document names exists", async () => {
  const missing: string[] = [];
  for (const file of await markdown()) {
    const text = await read(file);
    for (const [, path = ""] of text.matchAll(
      /`((?:src|durable-objects|openapi|dashboard|bench)\/[\w./-]+)`/g,
    )) {
      const exists = await isThere(path);
      // A document beside its sources names them as they are from there.
      if (!exists && !(await isThere(join(dirname(file), path)))) missing.push(`${file}: ${path}`);
    }
  }
  expect(missing).toEqual([]);
});

test("the README has at most 250 lines, of at most 140 characters outside tables", async () => {
  const lines = (await read("README.md")).split("\n");
  expect(lines.length).toBeLessThanOrEqual(250);
  expect(lines.filter((line) => !line.startsWith("|") && line.length > 140)).toEqual([]);
});
