/** Changes the query of a request as a route says: removes, renames, sets and adds, in this order. All else keeps its bytes. Pure. */
import { fillTemplate, paramOf, parseTemplate, type Template } from "../../policy/template.ts";
import type { Changes } from "../../policy/transform-schema.ts";
import type { ValueOf } from "./header-changes.ts";

export interface QueryChanges {
  readonly remove: ReadonlySet<string>;
  readonly rename: ReadonlyMap<string, string>;
  readonly set: ReadonlyMap<string, Template>;
  readonly add: ReadonlyMap<string, Template>;
}

export function queryChanges({ remove = [], rename = {}, set = {}, add = {} }: Changes): QueryChanges {
  const templates = (values: Readonly<Record<string, string>>) =>
    new Map(Object.entries(values).map(([name, value]) => [name, parseTemplate(value)]));
  return {
    remove: new Set(remove),
    rename: new Map(Object.entries(rename)),
    set: templates(set),
    add: templates(add),
  };
}

/** A parameter as it stands in the query, and its name as URLs read it. */
interface Parameter {
  readonly name: string;
  readonly text: string;
}

/** @param search with its question mark, or "". @returns the same. */
export function changeQuery(
  search: string,
  { remove, rename, set, add }: QueryChanges,
  valueOf: ValueOf,
): string {
  const texts = search
    .slice(1)
    .split("&")
    .filter((text) => text !== "");
  // All at once: the parser of URLs skips empty parts too, and gives each other one a name.
  const names = [...new URLSearchParams(`?${texts.join("&")}`).keys()];
  const found = texts
    .map((text, i): Parameter => ({ name: names[i] ?? "", text }))
    .filter(({ name }) => !remove.has(name));
  const replaced = new Set(found.flatMap(({ name }) => rename.get(name) ?? []));
  const renamed = found.flatMap(({ name, text }): Parameter[] => {
    const to = rename.get(name);
    if (to !== undefined) return [{ name: to, text: encodeURIComponent(to) + afterName(text) }];
    return replaced.has(name) ? [] : [{ name, text }];
  });
  const values = [...set, ...add].flatMap(([name, template]) => {
    const value = fillTemplate(template, encoded(valueOf), encodeURIComponent);
    return value === null ? [] : [`${encodeURIComponent(name)}=${value}`];
  });
  const kept = renamed.filter(({ name }) => !set.has(name)).map(({ text }) => text);
  const all = [...kept, ...values];
  return all.length === 0 ? "" : `?${all.join("&")}`;
}

/** The value with its equals sign, or "". */
function afterName(text: string): string {
  const equals = text.indexOf("=");
  return equals === -1 ? "" : text.slice(equals);
}

/** Parameters of the path are encoded already: only what means something else in a query is encoded too. */
function encoded(valueOf: ValueOf): ValueOf {
  return (variable) => {
    const value = valueOf(variable);
    if (value === null) return null;
    return paramOf(variable) === null
      ? encodeURIComponent(value)
      : value.replaceAll(/[^A-Za-z0-9._~%-]/g, (character) => encodeURIComponent(character));
  };
}
