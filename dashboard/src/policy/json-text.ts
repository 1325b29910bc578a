/**
 * Parses JSON as a person types it: finds the place of each value, or the place of the first fault. Stricter than JSON.parse in one
 * way: a duplicate field is a fault, because its first value would silently be lost. Pure.
 */

/** The place of a value in the text, in UTF-16 units: the selection that shows it. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

export type JsonText =
  | { readonly ok: true; readonly value: unknown; readonly places: ReadonlyMap<string, Place> }
  | { readonly ok: false; readonly message: string; readonly offset: number };

/** A policy is five levels deep. Bounds the recursion. */
const MAX_DEPTH = 64;

const SPACE = /[ \t\n\r]*/y;
// oxlint-disable-next-line no-control-regex -- JSON allows none of them unescaped
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const NEXT_WORD = /[\p{L}\p{N}_$.+-]{1,20}|\S/uy;

/** Parses a text into its value and the place of every value in it, by JSON Pointer (RFC 6901). */
export function readJson(text: string): JsonText {
  const places = new Map<string, Place>();
  let at = 0;
  let fault: { message: string; offset: number } | null = null;

  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  const takeMark = (mark: string): boolean => {
    take(SPACE);
    if (text[at] !== mark) return false;
    at += 1;
    return true;
  };
  const fail = (message: string, offset = at): false => {
    fault = { message, offset };
    return false;
  };
  const found = (): string => {
    NEXT_WORD.lastIndex = at;
    const next = NEXT_WORD.exec(text)?.[0];
    return next === undefined ? "found the end of the text" : `found ${next === '"' ? 'an open "' : next}`;
  };

  const string = (): string | null => {
    const literal = take(STRING);
    return literal === null ? null : String(JSON.parse(literal));
  };
  /** `start` is the start of the value's name, or of the value itself if it has none. */
  const value = (pointer: string, depth: number, start: number): boolean => {
    take(SPACE);
    const mark = text[at];
    if (mark === "{" || mark === "[") {
      const opened = at;
      places.set(pointer, { start: Math.min(start, opened), end: opened + 1 });
      if (depth === MAX_DEPTH) return fail("Nested too deeply.");
      at += 1;
      return mark === "{" ? members(pointer, depth + 1) : items(pointer, depth + 1);
    }
    const begins = at;
    if (take(STRING) === null && take(NUMBER) === null && take(WORD) === null) {
      if (mark === '"')
        return fail(
          'This text lacks a closing ", or contains a character that must be escaped (such as \\n).',
        );
      return fail(`Expected a value, but ${found()}.`);
    }
    places.set(pointer, { start: Math.min(start, begins), end: at });
    return true;
  };
  const members = (pointer: string, depth: number): boolean => {
    if (takeMark("}")) return true;
    const names = new Set<string>();
    for (;;) {
      take(SPACE);
      const start = at;
      const name = string();
      if (name === null) {
        if (text[at] === "}") return fail("Comma before }: remove it, or add a field.");
        return fail(`Expected a field name in double quotes, but ${found()}.`);
      }
      if (names.has(name)) return fail(`Duplicate field "${name}".`, start);
      names.add(name);
      if (!takeMark(":")) return fail(`Expected a colon after "${name}", but ${found()}.`);
      if (!value(`${pointer}/${escaped(name)}`, depth, start)) return false;
      if (takeMark("}")) return true;
      if (!takeMark(",")) return fail(`Expected a comma or }, but ${found()}.`);
    }
  };
  const items = (pointer: string, depth: number): boolean => {
    if (takeMark("]")) return true;
    for (let i = 0; ; i += 1) {
      take(SPACE);
      if (i > 0 && text[at] === "]") return fail("Comma before ]: remove it, or add a value.");
      if (!value(`${pointer}/${i}`, depth, at)) return false;
      if (takeMark("]")) return true;
      if (!takeMark(",")) return fail(`Expected a comma or ], but ${found()}.`);
    }
  };

  if (value("", 0, 0)) {
    take(SPACE);
    if (at === text.length) return { ok: true, value: JSON.parse(text), places };
    fail(`Expected the end of the document, but ${found()}.`);
  }
  return { ok: false, ...(fault ?? { message: "Not JSON.", offset: at }) };
}

/** The place of a pointer's value, or of the nearest value around it if it is missing. */
export function placeOf(places: ReadonlyMap<string, Place>, pointer: string): Place {
  let known = pointer;
  while (known !== "") {
    const place = places.get(known);
    if (place) return place;
    known = known.slice(0, Math.max(0, known.lastIndexOf("/")));
  }
  return places.get("") ?? { start: 0, end: 0 };
}

/** The line and the column of an offset, both from 1. */
export function lineAndColumn(
  text: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
}

function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
