/**
 * Reads JSON as a person types it: the value and the place of each part of it, or the place of the first fault. Stricter than JSON.parse
 * in two ways: a duplicate field is a fault, because its first value would silently be lost, and so is deep nesting. Pure.
 *
 * JSON.parse decides what is JSON; the editor's own parser (Lezer) finds the places.
 */
import { jsonLanguage } from "@codemirror/lang-json";
import { childPointer } from "./json-pointer.ts";

/** Offsets in the text, in UTF-16 units. */
export interface JsonPlace {
  /** Start of the field's name; of the value if it has none. */
  readonly from: number;
  readonly valueFrom: number;
  readonly to: number;
}

export interface ParsedJson {
  readonly ok: true;
  readonly text: string;
  readonly value: unknown;
  /** By JSON Pointer. */
  readonly places: ReadonlyMap<string, JsonPlace>;
}

export interface JsonFault {
  readonly ok: false;
  readonly text: string;
  readonly message: string;
  readonly from: number;
  readonly to: number;
}

export type JsonDocument = ParsedJson | JsonFault;

type Tree = ReturnType<typeof jsonLanguage.parser.parse>;
type Node = Tree["topNode"];

/** A policy is five levels deep. Bounds the recursion. */
const MAX_DEPTH = 64;
const VALUES: ReadonlySet<string> = new Set(["Object", "Array", "String", "Number", "True", "False", "Null"]);

// oxlint-disable-next-line no-control-regex -- JSON allows none of them unescaped
const STRING = /^"(?:[^"\\\u0000-\u001f]|\\.)*"/;

export function readJson(text: string): JsonDocument {
  const tree = jsonLanguage.parser.parse(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return syntaxFault(text, tree, thrown);
  }
  const places = new Map<string, JsonPlace>();
  const fault = locate(text, tree, places);
  return fault ?? { ok: true, text, value, places };
}

/** Fills `places`, or returns the first fault that JSON.parse does not report. */
function locate(text: string, tree: Tree, places: Map<string, JsonPlace>): JsonFault | null {
  const root = tree.topNode.firstChild;
  const left: { node: Node; from: number; pointer: string; depth: number }[] = [];
  if (root) left.push({ node: root, from: root.from, pointer: "", depth: 0 });
  for (let next = left.pop(); next; next = left.pop()) {
    const { node, from, pointer, depth } = next;
    places.set(pointer, { from, valueFrom: node.from, to: node.to });
    if (depth > MAX_DEPTH) return faultAt(text, node.from, node.from + 1, "Nested too deeply.");
    const names = new Set<string>();
    let index = 0;
    for (let child = node.firstChild; child; child = child.nextSibling) {
      if (VALUES.has(child.name)) {
        left.push({ node: child, from: child.from, pointer: childPointer(pointer, index), depth: depth + 1 });
        index += 1;
      }
      const [name, value] = [child.firstChild, child.lastChild];
      if (child.name !== "Property" || !name || !value) continue;
      const key = String(JSON.parse(text.slice(name.from, name.to)));
      if (names.has(key)) return faultAt(text, name.from, name.to, `Duplicate field "${key}".`);
      names.add(key);
      left.push({ node: value, from: name.from, pointer: childPointer(pointer, key), depth: depth + 1 });
    }
  }
  return null;
}

function syntaxFault(text: string, tree: Tree, thrown: unknown): JsonFault {
  let error: Node | null = null;
  tree.iterate({
    enter: (node) => {
      if (node.type.isError) error ??= node.node;
      return error === null;
    },
  });
  const found = firstError(error);
  if (!found) return faultAt(text, 0, 1, thrown instanceof Error ? `${thrown.message}.` : "Not JSON.");
  const at = found.from + (/^\s*/.exec(text.slice(found.from))?.[0].length ?? 0);
  const next = /^(?:[\p{L}\p{N}_$.+-]{1,20}|\S)/u.exec(text.slice(at))?.[0] ?? "";
  const isUnclosed = next === '"' && !STRING.test(text.slice(at));
  const from = next === "" ? Math.min(at, text.length) : at;
  return faultAt(text, from, from + next.length, messageOf(found, next, isUnclosed));
}

/** Stops TypeScript from taking a variable that a callback assigns for null. */
function firstError(node: Node | null): Node | null {
  return node;
}

function messageOf(error: Node, next: string, isUnclosed: boolean): string {
  const found = next === "" ? "found the end of the text" : `found ${next}`;
  const before = error.prevSibling?.name ?? "";
  if (isUnclosed) {
    return 'This text lacks a closing ", or contains a character that must be escaped (such as \\n).';
  }
  switch (error.parent?.name) {
    case "Property":
      return before === ":"
        ? `Expected a value, but ${found}.`
        : `Expected a colon after the field name, but ${found}.`;
    case "PropertyName":
      return `Expected a field name in double quotes, but ${found}.`;
    case "Object":
      if (before === "Property") return `Expected a comma or }, but ${found}.`;
      if (before === "," && next === "}") return "Comma before }: remove it, or add a field.";
      return `Expected a field name in double quotes, but ${found}.`;
    case "Array":
      if (before !== "," && before !== "[") return `Expected a comma or ], but ${found}.`;
      if (before === "," && next === "]") return "Comma before ]: remove it, or add a value.";
      return `Expected a value, but ${found}.`;
    default:
      return before === ""
        ? `Expected a value, but ${found}.`
        : `Expected the end of the document, but ${found}.`;
  }
}

function faultAt(text: string, from: number, to: number, message: string): JsonFault {
  return { ok: false, text, message, from, to: Math.min(to, text.length) };
}

/** The place of a pointer's value, or of the nearest value around it if it is missing. */
export function placeOf(places: ReadonlyMap<string, JsonPlace>, pointer: string): JsonPlace {
  let known = pointer;
  while (known !== "") {
    const place = places.get(known);
    if (place) return place;
    known = known.slice(0, Math.max(0, known.lastIndexOf("/")));
  }
  return places.get("") ?? { from: 0, valueFrom: 0, to: 0 };
}

/** The line and the column of an offset, both from 1. */
export function lineAndColumn(
  text: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
}
