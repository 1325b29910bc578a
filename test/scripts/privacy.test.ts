/** docs/privacy.md lists every place of docs/storage.md, once, and says of each what erases it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const read = (file: string): Promise<string> => readFile(join(ROOT, "docs", file), "utf8");

/** The first cells of all table rows below a heading, without their headers. */
function placesIn(text: string, heading: RegExp): string[] {
  const sections = text
    .split(/^(?=#{2,3} )/m)
    .filter((section) => heading.test(section.split("\n")[0] ?? ""));
  return sections.flatMap((section) => {
    const rows = section.split("\n").filter((line) => line.startsWith("|"));
    const isRule = (row: string | undefined): boolean => /^\|[\s|:-]+\|$/.test(row ?? "");
    return rows.filter((row, i) => !isRule(row) && !isRule(rows[i + 1])).map((row) => firstCell(row));
  });
}

const firstCell = (row: string): string => (row.split(/(?<!\\)\|/)[1] ?? "").trim();

/** Each section of storage.md, the one of privacy.md that lists its rows, and how a row of it is named there. */
const SECTIONS: readonly [storage: RegExp, privacy: RegExp, nameOf: (place: string) => string][] = [
  [/^## UserLimiter/, /^### UserLimiter/, (place) => place],
  [
    /^## PolicyRegistry/,
    /^### Other/,
    (place) => (place === "`outbox`" ? "`outbox` of the PolicyRegistry" : place),
  ],
  [/^## AccountDirectory/, /^### Other/, (place) => place],
  [/^## BillingRegister/, /^### Other/, (place) => place],
  [/^## WebhookDesk/, /^### Other/, (place) => place],
  [/^## MetricsHub/, /^### Other/, (place) => place],
  [/^## KV/, /^### KV/, (place) => place],
  [/^## Cache API/, /^### Cache/, (place) => place],
  [/^## Isolate memory/, /^### Isolate memory/, (place) => place],
];

/** In privacy.md, a place may say whose it is. */
const bare = (place: string): string => place.replace(/ of the \w+$/, "");

test("every table, value, key and cache of storage.md is in privacy.md, in its section", async () => {
  const [storage, privacy] = [await read("storage.md"), await read("privacy.md")];
  let places = 0;
  for (const [from, to, nameOf] of SECTIONS) {
    const listed = placesIn(privacy, to);
    const names = new Set([...listed, ...listed.map(bare)]);
    const stored = placesIn(storage, from);
    expect(stored.length, String(from)).toBeGreaterThan(0);
    places += stored.length;
    expect(
      stored.map(nameOf).filter((place) => !names.has(place)),
      String(from),
    ).toEqual([]);
  }
  expect(places).toBeGreaterThan(45);
});

test("every section of storage.md that has a table is compared, so that a new one is not forgotten", async () => {
  const storage = await read("storage.md");
  const headings = storage.split("\n").filter((line) => line.startsWith("## "));
  const compared = new Set(headings.filter((heading) => SECTIONS.some(([from]) => from.test(heading))));
  const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const withTable = headings.filter(
    (heading) => placesIn(storage, new RegExp(`^${escaped(heading)}$`)).length > 0,
  );
  expect(withTable.filter((heading) => !compared.has(heading))).toEqual([]);
});

test("privacy.md lists nothing that storage.md lacks, and each place with all its cells", async () => {
  const [storage, privacy] = [await read("storage.md"), await read("privacy.md")];
  for (const heading of [/^### UserLimiter/, /^### Other/, /^### KV/, /^### Cache/, /^### Isolate memory/]) {
    const places = placesIn(privacy, heading);
    expect(new Set(places).size).toBe(places.length);
    for (const place of places) expect(storage, place).toContain(`| ${bare(place)} |`);
  }
  const [, tables = ""] = privacy.split("## Every place");
  for (const row of tables.split("\n").filter((line) => line.startsWith("|"))) {
    expect(row.split("|").length, row).toBeGreaterThanOrEqual(5);
  }
});

test("whatever holds personal data of a user says what erases it", async () => {
  const [, tables = ""] = (await read("privacy.md")).split("## Every place");
  const rows = tables.split("\n").filter((line) => line.startsWith("| ") && !/^\| (place|---)/.test(line));
  expect(rows.length).toBeGreaterThan(45);
  for (const row of rows) {
    const [, , personal = "", ...rest] = row.split("|").map((cell) => cell.trim());
    if (personal.startsWith("none")) continue;
    expect(
      rest.slice(0, -1).every((cell) => cell !== ""),
      row,
    ).toBe(true);
  }
});
