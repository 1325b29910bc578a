/**
 * Changes headers as a route says: removes, renames, sets and adds, in this order. Never touches a header that only the gateway may set,
 * whatever the policy says.
 */
import { foldedName } from "../../header-names.ts";
import { forbiddenHeader, type Operation } from "../../policy/forbidden-headers.ts";
import { fillTemplate, parseTemplate, type Template } from "../../policy/template.ts";
import type { Changes } from "../../policy/transform-schema.ts";

/** The value of a variable; null: it has none. */
export type ValueOf = (variable: string) => string | null;

export interface HeaderChanges {
  readonly remove: readonly string[];
  readonly rename: readonly (readonly [from: string, to: string])[];
  readonly set: readonly (readonly [name: string, value: Template])[];
  readonly add: readonly (readonly [name: string, value: Template])[];
}

/** A document that was stored before a name was forbidden still compiles: what it says of that name is left out. */
export function headerChanges({ remove = [], rename = {}, set = {}, add = {} }: Changes = {}): HeaderChanges {
  const mayBe = (operation: Operation, ...names: string[]): boolean =>
    names.every((name) => forbiddenHeader(name, operation) === null);
  const templates = (operation: "set" | "add", values: Readonly<Record<string, string>>) =>
    Object.entries(values).flatMap(([name, value]) =>
      mayBe(operation, name) ? [[name.toLowerCase(), parseTemplate(value)] as const] : [],
    );
  return {
    remove: remove.filter((name) => mayBe("remove", name)).map((name) => name.toLowerCase()),
    rename: Object.entries(rename).flatMap(([from, to]) =>
      mayBe("rename", from, to) ? [[from.toLowerCase(), to.toLowerCase()] as const] : [],
    ),
    set: templates("set", set),
    add: templates("add", add),
  };
}

/** Whether a name is one of a list. */
type Drop = (headers: Headers, names: readonly string[]) => void;

/** Of a response. */
export const dropNames: Drop = (headers, names) => {
  for (const name of names) headers.delete(name);
};

/**
 * Of a request: an upstream may fold other spellings of a name into it, so those that a client sent go too. They would pass for what the
 * gateway has set or removed.
 */
export const dropSpellings: Drop = (headers, names) => {
  if (names.length === 0) return;
  const folded = new Set(names.map(foldedName));
  dropNames(
    headers,
    [...headers.keys()].filter((name) => folded.has(foldedName(name))),
  );
};

/** What a header's value may consist of: no variable can end a line. */
const VALUE = /^[ -~]*$/;

export function changeHeaders(
  headers: Headers,
  { remove, rename, set, add }: HeaderChanges,
  valueOf: ValueOf,
  drop: Drop,
): void {
  drop(headers, remove);
  // All are read before any is written, so their order does not matter, and a renamed header always replaces the one of its new name.
  const renamed = rename.flatMap(([from, to]) => {
    const value = headers.get(from);
    return value === null ? [] : [{ from, to, value }];
  });
  dropNames(
    headers,
    renamed.map(({ from }) => from),
  );
  drop(
    headers,
    renamed.map(({ to }) => to),
  );
  for (const { to, value } of renamed) headers.set(to, value);
  // A header whose variable has no value is dropped too: a client's own must not stand for it.
  drop(
    headers,
    set.map(([name]) => name),
  );
  for (const [name, template] of [...set, ...add]) {
    const value = fillTemplate(template, valueOf);
    if (value !== null && VALUE.test(value)) headers.append(name, value);
  }
}
