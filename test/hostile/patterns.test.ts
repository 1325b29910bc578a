/** Every regular expression of the Worker on text that was made to hold it up: its time grows with the text, never with its square. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const LENGTH = 20_000;
/** Linear ones take a millisecond or two, quadratic ones seconds. */
const BOUND_MS = 250;

function sources(directory: string): string[] {
  return readdirSync(new URL(directory, ROOT), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${directory}/${file}`);
}

/** What may stand before a regular expression and not before a division. */
const LITERAL =
  /(?<=[=(,:[!&|?{}\s])\/(?! )((?:[^/\\\n[*]|\\.|\[(?:[^\]\\\n]|\\.)*\])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])*)\/([dgimsuvy]*)(?=[\s.,;)\]])/g;

const patterns = [...sources("src"), ...sources("durable-objects")].flatMap((file) =>
  readFileSync(new URL(file, ROOT), "utf8")
    .split("\n")
    .filter((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line))
    .flatMap((line) => Array.from(line.matchAll(LITERAL)))
    .map(([, source = "", flags = ""]): [file: string, source: string, flags: string] => [
      file,
      source,
      flags,
    ]),
);

/** Read once, from the deployment's own variables: whoever may set these has better ways. */
const OF_OPERATORS = new Set(["src/analytics/reports/report-settings.ts \\/+$"]);

/** Long runs of each kind of character that patterns speak of, with an end that matches nothing. */
const RUNS = [
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
const texts = RUNS.flatMap((run) => {
  const long = run.repeat(Math.ceil(LENGTH / run.length));
  return [`${long}\u0001`, `/${long}\u0001`, `el_live_${long}!`, `${long}\n${long}`, `a@${long} `];
});

it("finds the patterns that there are", () => {
  expect(patterns.length).toBeGreaterThan(20);
});

const ofRequests = patterns.filter(([file, source]) => !OF_OPERATORS.has(`${file} ${source}`));

it.each(ofRequests)("%s: /%s/%s", (_file, source, flags) => {
  const pattern = new RegExp(source, flags);
  for (const text of texts) {
    const startMs = performance.now();
    text.search(pattern);
    text.replace(pattern, "");
    const tookMs = performance.now() - startMs;
    expect(tookMs, `${JSON.stringify(text.slice(0, 20))} and so on`).toBeLessThan(BOUND_MS);
  }
});

it("would notice one that is quadratic", () => {
  const timeOf = (length: number): number => {
    const text = `${" ".repeat(length)}x`;
    const startMs = performance.now();
    text.replace(/\s+$/, "");
    return performance.now() - startMs;
  };
  timeOf(1_000);
  expect(timeOf(8_000)).toBeGreaterThan(10 * timeOf(800));
});
