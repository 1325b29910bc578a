/** Every regular expression of the Worker takes time linear in the text, even on text crafted to slow it down. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const LENGTH = 20_000;
/** Linear patterns take a millisecond or two, quadratic ones seconds. */
const BOUND_MS = 250;

function sources(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${directory}/${file}`);
}

/** A regular expression literal, distinguished from a division by the character before it. */
const LITERAL =
  /(?<=[=(,:[!&|?{}\s])\/(?! )((?:[^/\\\n[*]|\\.|\[(?:[^\]\\\n]|\\.)*\])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])*)\/([dgimsuvy]*)(?=[\s.,;)\]])/g;

const patterns = [...sources("src"), ...sources("durable-objects")].flatMap((file) =>
  readFileSync(join(ROOT, file), "utf8")
    .split("\n")
    .filter((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line))
    .flatMap((line) => Array.from(line.matchAll(LITERAL)))
    .map(([, source = "", flags = ""]): [file: string, source: string, flags: string] => [
      file,
      source,
      flags,
    ]),
);

/** Patterns for the deployment's variables, which only the operator sets. */
const OPERATOR_PATTERNS = new Set(["src/analytics/reports/report-settings.ts \\/+$"]);

/** Parts to repeat, one for each kind of character in the patterns. The texts end with a character that does not match. */
const PARTS = [
  "a",
  "0",
  "/",
  "//",
  "..",
  "%2",
  "%25",
  " ",
  "-",
  ",",
  "a,",
  "=",
  '"',
  '\\"',
  "[",
  "{",
  ":",
  "a.",
  "\t",
  "A1-",
  "é",
];
const texts = PARTS.flatMap((part) => {
  const long = part.repeat(Math.ceil(LENGTH / part.length));
  return [`${long}\u0001`, `/${long}\u0001`, `el_live_${long}!`, `${long}\n${long}`, `a@${long} `];
});

it("finds the patterns in the sources", () => {
  expect(patterns.length).toBeGreaterThan(20);
});

const requestPatterns = patterns.filter(([file, source]) => !OPERATOR_PATTERNS.has(`${file} ${source}`));

it.each(requestPatterns)("%s: /%s/%s", (_file, source, flags) => {
  const pattern = new RegExp(source, flags);
  for (const text of texts) {
    const startMs = performance.now();
    text.search(pattern);
    text.replace(pattern, "");
    const tookMs = performance.now() - startMs;
    expect(tookMs, `${JSON.stringify(text.slice(0, 20))} …`).toBeLessThan(BOUND_MS);
  }
});

it("would detect a quadratic pattern", () => {
  const timeOf = (length: number): number => {
    const text = `${" ".repeat(length)}x`;
    const startMs = performance.now();
    text.replace(/\s+$/, "");
    return performance.now() - startMs;
  };
  timeOf(1_000);
  expect(timeOf(8_000)).toBeGreaterThan(10 * timeOf(800));
});
