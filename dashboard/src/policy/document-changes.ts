/**
 * What changes between two policies, field by field, in the names that people use: limits by name, routes by what they match. For
 * reading before a change; what decides is the document itself. Pure; never trusts a shape.
 */
import { isRecord } from "../shell/api-client.ts";

export interface DocumentChange {
  /** As "tiers › free › limits › minute › tokens". */
  readonly where: string;
  /** JSON, cut; null where there is none. */
  readonly before: string | null;
  readonly after: string | null;
}

const MOST_CHANGES = 200;
const LONGEST_VALUE = 160;

/** In the order of the documents; no more than 200, which is more than anybody reads. */
export function documentChanges(before: unknown, after: unknown): DocumentChange[] {
  const changes: DocumentChange[] = [];
  compare(before, after, [], changes);
  return changes.slice(0, MOST_CHANGES);
}

function compare(before: unknown, after: unknown, where: readonly string[], changes: DocumentChange[]): void {
  if (changes.length >= MOST_CHANGES) return;
  const [a, b] = [named(before), named(after)];
  if (a && b) {
    for (const name of new Set([...a.keys(), ...b.keys()])) {
      compare(a.get(name), b.get(name), [...where, name], changes);
    }
    const isOrdered = Array.isArray(before) && Array.isArray(after);
    const [first, second] = [kept(a, b), kept(b, a)];
    if (isOrdered && first !== second) {
      changes.push({ where: [...where, "order"].join(" › "), before: cut(first), after: cut(second) });
    }
    return;
  }
  const [first, second] = [shown(before), shown(after)];
  if (first !== second) {
    changes.push({ where: where.join(" › "), before: cut(first), after: cut(second) });
  }
}

/** What has parts with names of their own: an object, or a list whose items all have one, each another. Null for all else. */
function named(value: unknown): ReadonlyMap<string, unknown> | null {
  if (isRecord(value)) return new Map(Object.entries(value));
  if (!Array.isArray(value)) return null;
  const items = new Map<string, unknown>();
  for (const item of value) {
    const name = nameOf(item);
    if (name === null || items.has(name)) return null;
    items.set(name, item);
  }
  return items;
}

function nameOf(item: unknown): string | null {
  if (!isRecord(item)) return null;
  const { name, match, methods } = item;
  if (typeof name === "string") return name;
  if (typeof match !== "string") return null;
  return Array.isArray(methods) ? `${methods.join(",")} ${match}` : match;
}

/** The names that are on both sides, in the order of the first. */
function kept(of: ReadonlyMap<string, unknown>, also: ReadonlyMap<string, unknown>): string {
  return [...of.keys()].filter((name) => also.has(name)).join(", ");
}

function shown(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function cut(text: string | null): string | null {
  return text === null || text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE - 1)}…`;
}
