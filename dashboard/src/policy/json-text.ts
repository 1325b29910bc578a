/**
 * JSON as a person types it: where each value stands, or the one place where it stops being JSON. Stricter than JSON.parse in one
 * thing: a field that is there twice is a fault, because the first one would be lost without a word. Pure.
 */

/** Where a value stands in the text, in UTF-16 units: what to select to show it. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

export type JsonText =
  | { readonly ok: true; readonly value: unknown; readonly places: ReadonlyMap<string, Place> }
  | { readonly ok: false; readonly message: string; readonly offset: number };

/** A policy is five levels deep. Bounds the recursion. */
const DEEPEST = 64;

const SPACE = /[ \t\n\r]*/y;
// oxlint-disable-next-line no-control-regex -- JSON takes none of them unescaped
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const NEXT_WORD = /[\p{L}\p{N}_$.+-]{1,20}|\S/uy;

/** Reads a text: its value and, by JSON Pointer (RFC 6901), the place of every value in it. */
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
  const stop = (message: string, offset = at): false => {
    fault = { message, offset };
    return false;
  };
  const found = (): string => {
    NEXT_WORD.lastIndex = at;
    const next = NEXT_WORD.exec(text)?.[0];
    return next === undefined ? "the text ends" : `there is ${next === '"' ? 'an open "' : next}`;
  };

  const string = (): string | null => {
    const literal = take(STRING);
    return literal === null ? null : String(JSON.parse(literal));
  };
  /** `start` is where the value's name begins, or the value itself where it has none. */
  const value = (pointer: string, depth: number, start: number): boolean => {
    take(SPACE);
    const mark = text[at];
    if (mark === "{" || mark === "[") {
      const opened = at;
      places.set(pointer, { start: Math.min(start, opened), end: opened + 1 });
      if (depth === DEEPEST) return stop("This is nested too deeply.");
      at += 1;
      return mark === "{" ? members(pointer, depth + 1) : items(pointer, depth + 1);
    }
    const begins = at;
    if (take(STRING) === null && take(NUMBER) === null && take(WORD) === null) {
      if (mark === '"') return stop('This text has no closing ", or holds what must be escaped (as \\n).');
      return stop(`A value is wanted here, but ${found()}.`);
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
        if (text[at] === "}") return stop("There is a comma before }: take it away, or add a field.");
        return stop(`A field's name in double quotes is wanted here, but ${found()}.`);
      }
      if (names.has(name)) return stop(`The field "${name}" is here twice.`, start);
      names.add(name);
      if (!takeMark(":")) return stop(`A colon is wanted after "${name}", but ${found()}.`);
      if (!value(`${pointer}/${escaped(name)}`, depth, start)) return false;
      if (takeMark("}")) return true;
      if (!takeMark(",")) return stop(`A comma or } is wanted here, but ${found()}.`);
    }
  };
  const items = (pointer: string, depth: number): boolean => {
    if (takeMark("]")) return true;
    for (let i = 0; ; i += 1) {
      take(SPACE);
      if (i > 0 && text[at] === "]") return stop("There is a comma before ]: take it away, or add a value.");
      if (!value(`${pointer}/${i}`, depth, at)) return false;
      if (takeMark("]")) return true;
      if (!takeMark(",")) return stop(`A comma or ] is wanted here, but ${found()}.`);
    }
  };

  if (value("", 0, 0)) {
    take(SPACE);
    if (at === text.length) return { ok: true, value: JSON.parse(text), places };
    stop(`The document is over here, but ${found()}.`);
  }
  return { ok: false, ...(fault ?? { message: "This is not JSON.", offset: at }) };
}

/** Where to put the caret for a pointer: at its value, or at the nearest one around it where the value is missing. */
export function placeOf(places: ReadonlyMap<string, Place>, pointer: string): Place {
  let known = pointer;
  while (known !== "") {
    const place = places.get(known);
    if (place) return place;
    known = known.slice(0, Math.max(0, known.lastIndexOf("/")));
  }
  return places.get("") ?? { start: 0, end: 0 };
}

/** Line and column, both from 1, of an offset. */
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
