/** The names that the builds of dashboard and portal shorten: a short name must not change what a page reads, sends or shows. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CLASSES, PROPERTIES, SHORT_NAMES } from "../../dashboard/short-names.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SOURCES = ["dashboard", "portal"].map((page) => join(ROOT, page, "src"));

/** All style sheets, without comments. */
const files = SOURCES.flatMap((directory) =>
  readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name)),
);
const styles = files
  .filter((file) => file.endsWith(".css"))
  .map((file) => readFileSync(file, "utf8").replaceAll(/\/\*.*?\*\//gs, ""))
  .join("\n");
/** Without comments. */
const code = files
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => readFileSync(file, "utf8").replaceAll(/\/\*.*?\*\/|^ *\/\/.*?$/gms, ""))
  .join("\n");
const words = (text: string) => new Set(text.match(/\w+/g));

test("no property that is shortened is a name of the API", () => {
  const names = words(readFileSync(join(ROOT, "docs", "openapi.json"), "utf8"));
  expect(PROPERTIES.filter((name) => names.has(name))).toEqual([]);
});

test("no property that is shortened is one of the browser's", () => {
  // The compiler's package for this platform has them.
  const compilers = join(ROOT, "node_modules", "@typescript");
  const compiler = readdirSync(compilers).find((name) => name.startsWith("typescript-")) ?? "";
  const names = words(readFileSync(join(compilers, compiler, "lib", "lib.dom.d.ts"), "utf8"));
  expect(names).toContain("addEventListener");
  expect(PROPERTIES.filter((name) => names.has(name))).toEqual([]);
});

test("no property that is shortened is written as a text", () => {
  const texts = new Set(code.match(/(?<=["'`])\w+(?=["'`])/g));
  expect(texts).toContain("overview");
  expect(PROPERTIES.filter((name) => texts.has(name))).toEqual([]);
});

test("a class that is shortened is written only as a class", () => {
  // In the attribute, or after another class of the cells of a column.
  const others = code.replaceAll(/class=("[^"]*"|\{[^}]*\})|(?<="(name|num) )[\w-]+/g, "");
  const names = new Set(others.match(/(?<![\w/-])[a-z]+(-[a-z]+)+(?![\w-])/g));
  expect(names).toContain("sort-up");
  expect(CLASSES.filter((name) => names.has(name))).toEqual([]);
});

test("every class of the style sheets is used", () => {
  const used = words(code.replaceAll("-", "_"));
  const classes = new Set(styles.match(/(?<=\.)[a-z][\w-]*(?=[^{}]*\{)/g));
  expect(classes).toContain("tile-line");
  expect([...classes].filter((name) => !used.has(name.replaceAll("-", "_")))).toEqual([]);
});

test("short names are different, and no name of the sources", () => {
  const short = PROPERTIES.map((name) => SHORT_NAMES.get(name) ?? "");
  expect(new Set(short).size).toBe(PROPERTIES.length);
  const names = words(code);
  expect(short.filter((name) => names.has(name))).toEqual([]);
  expect(PROPERTIES.filter((name) => !names.has(name))).toEqual([]);
});
