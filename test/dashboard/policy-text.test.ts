/** The policy as text: the places of faults, formatting, and changes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { documentChanges } from "../../dashboard/src/policy/document-changes.ts";
import { formatJson } from "../../dashboard/src/policy/format-json.ts";
import { lineAndColumn, placeOf, readJson } from "../../dashboard/src/policy/json-text.ts";
import { diffLines, withoutUnchanged } from "../../dashboard/src/policy/line-diff.ts";
import { readDraft, validationOf } from "../../dashboard/src/policy/validation.ts";
import policy from "../../policy/default.json";

const RUNS = { numRuns: 200 };

test("accepts exactly the JSON that JSON.parse accepts, except duplicate fields", () => {
  const noise = fc.string({ unit: fc.constantFrom(...'{}[]":,0-1.e+tn\\u \n'), maxLength: 12 });
  const spoilt = fc
    .tuple(fc.json(), fc.nat(), noise)
    .map(
      ([text, at, more]) => text.slice(0, at % (text.length + 1)) + more + text.slice(at % (text.length + 1)),
    );
  fc.assert(
    fc.property(fc.oneof(noise, fc.json(), spoilt), (text) => {
      const read = readJson(text);
      if (!read.ok && read.message.startsWith("Duplicate field")) return;
      let parsed: unknown;
      try {
        parsed = JSON.parse(text);
      } catch {
        expect(read.ok).toBe(false);
        return;
      }
      expect(read.ok && read.value).toEqual(parsed);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['{"a": 1,}', 1, 9, "Comma before }"],
  ['{\n  "a": [1,\n  2,]\n}', 3, 5, "Comma before ]"],
  ['{\n  "a" 1}', 2, 7, 'Expected a colon after "a", but found 1.'],
  ["{a: 1}", 1, 2, "Expected a field name in double quotes, but found a."],
  ['{"a": tru}', 1, 7, "Expected a value, but found tru."],
  ['{"a": 1 "b": 2}', 1, 9, "Expected a comma or }"],
  ['{"a": 1} x', 1, 10, "Expected the end of the document, but found x."],
  ['{"a": 1', 1, 8, "but found the end of the text."],
  ['{"a": "b}', 1, 7, "lacks a closing"],
  ['{"a": 1,\n"a": 2}', 2, 1, 'Duplicate field "a".'],
  ["", 1, 1, "found the end of the text"],
])("finds the fault in %j", (text, line, column, message) => {
  const read = readJson(text);
  if (read.ok) throw new Error("was read");
  expect({ ...lineAndColumn(text, read.offset), message: read.message }).toEqual({
    line,
    column,
    message: expect.stringContaining(message),
  });
});

test("rejects deep nesting before the stack overflows", () => {
  const read = readJson("[".repeat(100_000));
  expect(read).toMatchObject({ ok: false, offset: 64, message: expect.stringContaining("too deeply") });
});

test("finds every value of a document by its JSON Pointer", () => {
  const text = formatJson(policy);
  const read = readJson(text);
  if (!read.ok) throw new Error(read.message);
  const at = (pointer: string) => {
    const { start, end } = placeOf(read.places, pointer);
    return text.slice(start, end);
  };
  expect(at("/tiers/free/limits/0/tokens")).toBe('"tokens": 100');
  expect(at("/tiers/pro")).toBe('"pro": {');
  expect(at("/routes/3/limits/0")).toBe("{");
  expect(at("/routes/1/match")).toBe('"match": "/compare"');
  // A missing field has the place of its parent.
  expect(at("/tiers/pro/mode")).toBe('"pro": {');
  expect(at("/nothing/of/it")).toBe("{");
});

test("finds names that are escaped in a JSON Pointer", () => {
  const read = readJson('{"a/b": {"c~d": 7}}');
  expect(read.ok && placeOf(read.places, "/a~1b/c~0d")).toEqual({ start: 9, end: 17 });
});

const validated = (text: string, answer: Parameters<typeof validationOf>[2]) =>
  validationOf(text, readDraft(text), answer);

test("never calls a text valid unless the server found it valid", () => {
  const text = '{ "schema": 1 }';
  const verdict = { text, faults: [], warnings: [], failure: null };
  expect(validated(text, verdict)).toMatchObject({ isValid: true, isChecking: false });
  expect(validated(text, null)).toMatchObject({ isValid: false, isChecking: true });
  expect(validated(text, { ...verdict, text: "{}" })).toMatchObject({ isValid: false, isChecking: true });
  expect(validated(text, { ...verdict, failure: "No network." })).toMatchObject({
    isValid: false,
    failure: "No network.",
  });
  expect(validated("{", { ...verdict, text: "{" })).toMatchObject({ isValid: false, isChecking: false });
});

test("keeps warnings with their text: they are no faults, and never belong to another text", () => {
  const text = '{ "schema": 1 }';
  const warnings = [{ path: "/tiers/gold", message: "2 accounts have it" }];
  const verdict = { text, faults: [], warnings, failure: null };
  expect(validated(text, verdict)).toMatchObject({ isValid: true, faults: [], warnings });
  expect(validated(text, { ...verdict, text: "{}" })).toMatchObject({ warnings: [] });
  expect(validated("{", verdict)).toMatchObject({ warnings: [] });
});

test("places each fault at its line, and a fault of the whole document at its start", () => {
  const text = '{\n  "schema": 1,\n  "tears": {}\n}';
  const faults = [
    { path: "/tears", message: "is not a known field" },
    { path: "", message: "lacks something" },
  ];
  expect(validated(text, { text, faults, warnings: [], failure: null }).faults).toEqual([
    { where: "/tears", message: "is not a known field", line: 3, place: { start: 19, end: 29 } },
    { where: "the document", message: "lacks something", line: 1, place: { start: 0, end: 1 } },
  ]);
  expect(validated('{\n  "a" 1\n}', null).faults).toMatchObject([{ where: "line 2, column 7", line: 2 }]);
});

test("rejects a draft that is too long for a request, without parsing it", () => {
  const read = readDraft(" ".repeat(1_000_001));
  expect(read).toMatchObject({ ok: false, offset: 1_000_000 });
});

test("formats a document without changing it, one limit per line", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(formatJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    RUNS,
  );
  expect(formatJson(policy)).toContain(
    '\n        { "name": "minute", "kind": "bucket", "tokens": 100, "per": "minute", "burst": 150 },\n',
  );
});

test("a diff contains both texts, and is the shortest one", () => {
  const lines = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const diff = diffLines(before.join("\n"), after.join("\n"));
      expect(diff.filter(({ kind }) => kind !== "added").map(({ text }) => text)).toEqual(before);
      expect(diff.filter(({ kind }) => kind !== "removed").map(({ text }) => text)).toEqual(after);
      expect(diff.filter(({ kind }) => kind === "same")).toHaveLength(longestCommon(before, after));
      for (const { text, before: was, after: is } of diff) {
        if (was !== null) expect(before[was - 1]).toBe(text);
        if (is !== null) expect(after[is - 1]).toBe(text);
      }
    }),
    RUNS,
  );
});

test("compares texts without common lines in bounded time", () => {
  const many = (name: string) => Array.from({ length: 20_000 }, (_, i) => `${name} ${i}`).join("\n");
  const startedMs = performance.now();
  const diff = diffLines(many("before"), many("after"));
  expect(diff.map(({ kind }) => kind)).toEqual([
    ...Array<string>(20_000).fill("removed"),
    ...Array<string>(20_000).fill("added"),
  ]);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test("shows three lines of context around a change, and counts the others", () => {
  const before = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  const after = before.with(10, "changed").with(13, "changed too");
  const parts = withoutUnchanged(diffLines(before.join("\n"), after.join("\n")));
  expect(parts.map((part) => ("skipped" in part ? part.skipped : part.lines.length))).toEqual([7, 12, 13]);
  expect(withoutUnchanged(diffLines("a\nb", "a\nb"))).toEqual([{ skipped: 2 }]);
});

test("names changes by limit and route", () => {
  const [identify, compare, ...others] = policy.routes;
  const after = {
    ...policy,
    defaultTier: "pro",
    tiers: {
      ...policy.tiers,
      free: { ...policy.tiers.free, limits: [{ ...policy.tiers.free.limits[0], tokens: 80 }] },
    },
    routes: [compare, { ...identify, cost: 3 }, ...others],
  };
  expect(documentChanges(policy, after)).toEqual([
    { where: "defaultTier", before: '"free"', after: '"pro"' },
    { where: "tiers › free › limits › minute › tokens", before: "100", after: "80" },
    {
      where: "tiers › free › limits › month",
      before: '{"name":"month","kind":"quota","amount":50000,"per":"month"}',
      after: null,
    },
    { where: "routes › /identify › cost", before: "1", after: "3" },
    {
      where: "routes › order",
      before: "/identify, /compare, /batch, /api/refresh",
      after: "/compare, /identify, /batch, /api/refresh",
    },
  ]);
  expect(documentChanges(policy, structuredClone(policy))).toEqual([]);
});

test("hides no change if two parts have the same name", () => {
  const twice = (first: number) => ({
    limits: [
      { name: "a", max: first },
      { name: "a", max: 2 },
    ],
  });
  expect(documentChanges(twice(1), twice(5))).toEqual([
    {
      where: "limits",
      before: '[{"name":"a","max":1},{"name":"a","max":2}]',
      after: '[{"name":"a","max":5},{"name":"a","max":2}]',
    },
  ]);
});

test("lists at most 200 changes, each truncated to a line", () => {
  const wide = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, "x".repeat(1_000)]));
  const changes = documentChanges({}, wide);
  expect(changes).toHaveLength(200);
  expect(changes[0]?.after).toHaveLength(160);
});

function longestCommon(a: readonly string[], b: readonly string[]): number {
  const best = Array.from({ length: a.length + 1 }, () => Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      const [row, above] = [best[i]!, best[i - 1]!];
      row[j] = a[i - 1] === b[j - 1] ? above[j - 1]! + 1 : Math.max(above[j]!, row[j - 1]!);
    }
  }
  return best[a.length]![b.length]!;
}
