/** The policy as text: the places of its values and faults, edits of single values, validation and formatting. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  readJson,
  lineAndColumn,
  placeOf,
  type ParsedJson,
} from "../../dashboard/src/policy/editor/json-document.ts";
import {
  appendItem,
  removeItem,
  setField,
  swapWithNext,
  type TextEdit,
} from "../../dashboard/src/policy/editor/json-edits.ts";
import { childPointer, keysOf, valueAt } from "../../dashboard/src/policy/editor/json-pointer.ts";
import { formatJson } from "../../dashboard/src/policy/format-json.ts";
import { readDraft, validationOf } from "../../dashboard/src/policy/validation.ts";
import policy from "../../policy/default.json";

const RUNS = { numRuns: 200 };

function parsed(text: string): ParsedJson {
  const json = readJson(text);
  if (!json.ok) throw new Error(json.message);
  return json;
}

function edited(text: string, edits: readonly TextEdit[]): string {
  return edits
    .toSorted((a, b) => b.from - a.from)
    .reduce((sum, { from, to, insert }) => sum.slice(0, from) + insert + sum.slice(to), text);
}

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
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        expect(read.ok).toBe(false);
        return;
      }
      expect(read.ok && read.value).toEqual(value);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['{"a": 1,}', 1, 9, "Comma before }"],
  ['{\n  "a": [1,\n  2,]\n}', 3, 5, "Comma before ]"],
  ['{\n  "a" 1}', 2, 7, "Expected a colon after the field name, but found 1."],
  ['{"a" "b": 1}', 1, 6, "Expected a colon after the field name"],
  ["{a: 1}", 1, 2, "Expected a field name in double quotes, but found a."],
  ['{"a": tru}', 1, 7, "Expected a value, but found tru."],
  ['{"a": 1 "b": 2}', 1, 9, "Expected a comma or }"],
  ["[1 2]", 1, 4, "Expected a comma or ], but found 2."],
  ['{"a": 1} x', 1, 10, "Expected the end of the document, but found x."],
  ['{"a": 1', 1, 8, "but found the end of the text."],
  ['{"a": "b}', 1, 7, "lacks a closing"],
  ['{"a": 1,\n"a": 2}', 2, 1, 'Duplicate field "a".'],
  ["", 1, 1, "found the end of the text"],
])("finds the fault in %j", (text, line, column, message) => {
  const read = readJson(text);
  if (read.ok) throw new Error("was read");
  expect({ ...lineAndColumn(text, read.from), message: read.message }).toEqual({
    line,
    column,
    message: expect.stringContaining(message),
  });
});

test("rejects deep nesting before the stack overflows", () => {
  const deep = (depth: number) => readJson("[".repeat(depth) + "]".repeat(depth));
  expect(deep(65).ok).toBe(true);
  expect(deep(66)).toMatchObject({ ok: false, from: 65, message: "Nested too deeply." });
  expect(deep(20_000).ok).toBe(false);
  expect(readJson("[".repeat(20_000)).ok).toBe(false);
});

test("finds every value of any document, by its JSON Pointer", () => {
  fc.assert(
    fc.property(fc.json(), fc.boolean(), (json, isLong) => {
      const text = isLong ? JSON.stringify(JSON.parse(json), null, 2) : json;
      const read = readJson(text);
      // Properties of the same name are faults.
      if (!read.ok) return;
      for (const [pointer, { from, valueFrom, to }] of read.places) {
        expect(JSON.parse(text.slice(valueFrom, to))).toEqual(valueAt(read.value, pointer));
        const [key] = keysOf(pointer).slice(-1);
        if (from < valueFrom) expect(text.slice(from, valueFrom)).toMatch(/^".*:\s*$/s);
        if (from < valueFrom) expect(JSON.parse(text.slice(from, valueFrom).replace(/:\s*$/, ""))).toBe(key);
      }
    }),
    RUNS,
  );
});

test("a missing value has the place of the nearest value around it", () => {
  const text = formatJson(policy);
  const { places } = parsed(text);
  const at = (pointer: string) => text.slice(placeOf(places, pointer).from).slice(0, 8);
  expect(at("/tiers/pro/mode")).toBe('"pro": {');
  expect(at("/nothing/of/it")).toBe('{\n  "sch');
});

test("finds names that are escaped in a JSON Pointer", () => {
  const { places, value } = parsed('{"a/b": {"c~d": 7}}');
  const pointer = childPointer(childPointer("", "a/b"), "c~d");
  expect(pointer).toBe("/a~1b/c~0d");
  expect(placeOf(places, pointer)).toEqual({ from: 9, valueFrom: 16, to: 17 });
  expect(valueAt(value, pointer)).toBe(7);
});

test("sets, adds and removes a field, and leaves the rest of the text as it is", () => {
  const text = '{ "b": 1,\n\t"a" : [ 1,2 ], "c": {} }';
  const set = (name: string, value: unknown, pointer = "") =>
    edited(text, setField(parsed(text), pointer, name, value));
  expect(set("b", 20)).toBe('{ "b": 20,\n\t"a" : [ 1,2 ], "c": {} }');
  expect(set("b", undefined)).toBe('{ "a" : [ 1,2 ], "c": {} }');
  expect(set("a", undefined)).toBe('{ "b": 1, "c": {} }');
  expect(set("c", undefined)).toBe('{ "b": 1,\n\t"a" : [ 1,2 ] }');
  expect(set("x", "y", "/c")).toBe('{ "b": 1,\n\t"a" : [ 1,2 ], "c": {\n\t  "x": "y"\n\t} }');
  // No change, or no such object.
  expect([set("b", 1), set("z", undefined), set("x", 1, "/nowhere")]).toEqual([text, text, text]);
});

test("appends, removes and swaps items of a list, one line or many", () => {
  const long = '{\n  "a": [\n    { "x": 1 },\n    { "x": 2 }\n  ]\n}';
  expect(edited(long, appendItem(parsed(long), "/a", { x: 3 }))).toBe(
    '{\n  "a": [\n    { "x": 1 },\n    { "x": 2 },\n    { "x": 3 }\n  ]\n}',
  );
  expect(edited(long, removeItem(parsed(long), "/a", 0))).toBe('{\n  "a": [\n    { "x": 2 }\n  ]\n}');
  expect(edited(long, swapWithNext(parsed(long), "/a", 0))).toBe(
    '{\n  "a": [\n    { "x": 2 },\n    { "x": 1 }\n  ]\n}',
  );
  const short = '{"a":[1,2]}';
  expect(edited(short, appendItem(parsed(short), "/a", 3))).toBe('{"a":[1,2, 3]}');
  expect(edited(short, removeItem(parsed(short), "/a", 1))).toBe('{"a":[1]}');
  expect(edited(short, swapWithNext(parsed(short), "/a", 1))).toBe(short);
  expect(edited('{"a":[1]}', removeItem(parsed('{"a":[1]}'), "/a", 0))).toBe('{"a":[]}');
  expect(edited('{"a":[]}', appendItem(parsed('{"a":[]}'), "/a", 1))).toBe('{"a":[\n  1\n]}');
});

test("an edit changes the value that it names, and no other, in any document", () => {
  const names = fc.constantFrom("a", "b/c", "~", "");
  const object = fc.dictionary(names, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 });
  fc.assert(
    fc.property(
      object,
      names,
      fc.option(fc.jsonValue(), { nil: undefined }),
      fc.nat(2),
      (fields, name, value, spaces) => {
        const text = JSON.stringify({ x: fields }, null, spaces);
        const after: unknown = JSON.parse(edited(text, setField(parsed(text), "/x", name, value)));
        const { [name]: _old, ...others } = fields;
        const expected = { x: value === undefined ? others : { ...fields, [name]: value } };
        expect(after).toEqual(JSON.parse(JSON.stringify(expected)));
      },
    ),
    RUNS,
  );
});

const validated = (text: string, answer: Parameters<typeof validationOf>[1]) =>
  validationOf(readDraft(text), answer);

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
    { where: "/tears", message: "is not a known field", line: 3, from: 19, to: 29 },
    { where: "the document", message: "lacks something", line: 1, from: 0, to: 1 },
  ]);
  expect(validated('{\n  "a" 1\n}', null).faults).toMatchObject([{ where: "line 2, column 7", line: 2 }]);
});

test("rejects a draft that is too long for a request, without parsing it", () => {
  const read = readDraft(" ".repeat(1_000_001));
  expect(read).toMatchObject({ ok: false, from: 1_000_000 });
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
