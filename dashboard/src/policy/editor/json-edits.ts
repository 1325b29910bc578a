/**
 * Changes to one value of a JSON text that leave the rest of the text as it is: its order, its spaces and its line breaks. Pure.
 *
 * All functions take a text that parsed (json-document.ts), and return the replacements that make the change.
 */
import { isRecord } from "../../shell/api-client.ts";
import { formatted } from "../format-json.ts";
import type { JsonPlace, ParsedJson } from "./json-document.ts";
import { childPointer, valueAt } from "./json-pointer.ts";

/** A replacement: offsets of the text before any of them, in UTF-16 units. */
export interface TextEdit {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

/** Sets a field of the object at `pointer`; undefined removes it. No edit if there is no such object. */
export function setField(json: ParsedJson, pointer: string, name: string, value: unknown): TextEdit[] {
  const fields = valueAt(json.value, pointer);
  if (!isRecord(fields)) return [];
  const place = json.places.get(childPointer(pointer, name));
  const names = Object.keys(fields);
  if (value === undefined) return place ? removeAt(json, pointer, names, names.indexOf(name)) : [];
  if (place) return replace(json, place, value);
  return insertLast(json, pointer, names, `${JSON.stringify(name)}: `, value);
}

/** Appends an item to the list at `pointer`. No edit if there is no such list. */
export function appendItem(json: ParsedJson, pointer: string, value: unknown): TextEdit[] {
  const list = valueAt(json.value, pointer);
  return Array.isArray(list) ? insertLast(json, pointer, keysOf(list), "", value) : [];
}

/** Removes the item `index` of the list at `pointer`. */
export function removeItem(json: ParsedJson, pointer: string, index: number): TextEdit[] {
  const list = valueAt(json.value, pointer);
  return Array.isArray(list) && index in list ? removeAt(json, pointer, keysOf(list), index) : [];
}

/** Swaps the item `index` of the list at `pointer` with the next one. */
export function swapWithNext(json: ParsedJson, pointer: string, index: number): TextEdit[] {
  const [a, b] = [index, index + 1].map((i) => json.places.get(childPointer(pointer, i)));
  if (!a || !b) return [];
  return [
    { from: a.valueFrom, to: a.to, insert: json.text.slice(b.valueFrom, b.to) },
    { from: b.valueFrom, to: b.to, insert: json.text.slice(a.valueFrom, a.to) },
  ];
}

function keysOf(list: readonly unknown[]): string[] {
  return list.map((_item, i) => String(i));
}

function replace(json: ParsedJson, { from, valueFrom, to }: JsonPlace, value: unknown): TextEdit[] {
  const { indent, used } = lineUpTo(json.text, valueFrom);
  const insert = formatted(value, indent, used);
  // A name alone is no change.
  if (json.text.slice(valueFrom, to) === insert || from > to) return [];
  return [{ from: valueFrom, to, insert }];
}

/** @param keys of the children of the object or list at `pointer`, in order. */
function insertLast(
  json: ParsedJson,
  pointer: string,
  keys: readonly string[],
  prefix: string,
  value: unknown,
): TextEdit[] {
  const whole = json.places.get(pointer);
  if (!whole) return [];
  const last = keys.at(-1);
  const sibling = last === undefined ? undefined : json.places.get(childPointer(pointer, last));
  if (!sibling) {
    const [open, close] = prefix === "" ? ["[", "]"] : ["{", "}"];
    const { indent } = lineUpTo(json.text, whole.valueFrom);
    const inner = `${indent}  `;
    const text = `${inner}${prefix}${formatted(value, inner, prefix.length)}`;
    return [{ from: whole.valueFrom, to: whole.to, insert: `${open}\n${text}\n${indent}${close}` }];
  }
  const isOneLine = !json.text.slice(whole.valueFrom, whole.to).includes("\n");
  const { indent, used } = lineUpTo(json.text, sibling.from);
  const insert = isOneLine
    ? `, ${prefix}${formatted(value, indent, used + prefix.length)}`
    : `,\n${indent}${prefix}${formatted(value, indent, prefix.length)}`;
  return [{ from: sibling.to, to: sibling.to, insert }];
}

function removeAt(json: ParsedJson, pointer: string, keys: readonly string[], index: number): TextEdit[] {
  const placeOf = (i: number): JsonPlace | undefined => {
    const key = keys[i];
    return key === undefined ? undefined : json.places.get(childPointer(pointer, key));
  };
  const [before, place, after] = [placeOf(index - 1), placeOf(index), placeOf(index + 1)];
  if (!place) return [];
  if (before) return [{ from: before.to, to: place.to, insert: "" }];
  if (after) return [{ from: place.from, to: after.from, insert: "" }];
  const whole = json.places.get(pointer);
  return whole ? [{ from: whole.valueFrom + 1, to: whole.to - 1, insert: "" }] : [];
}

/** The spaces before the line of an offset, and the number of characters after them up to it. */
function lineUpTo(text: string, offset: number): { readonly indent: string; readonly used: number } {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
  return { indent, used: line.length - indent.length };
}
