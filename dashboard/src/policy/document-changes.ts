/**
 * The changes between two policies, field by field: limits by their name, routes by their pattern. For people to review; the document
 * itself decides. Pure; accepts documents of any shape.
 */
import { isRecord } from "../shell/api-client.ts";

export interface DocumentChange {
  /** Such as "tiers › free › limits › minute › tokens". */
  readonly where: string;
  /** JSON, truncated; null if the field is missing. */
  readonly before: string | null;
  readonly after: string | null;
}

const MAX_CHANGES = 200;
const MAX_VALUE_LENGTH = 160;

/** At most 200 changes, in the order of the documents. */
export function documentChanges(before: unknown, after: unknown): DocumentChange[] {
  const changes: DocumentChange[] = [];
  compare(before, after, [], changes);
  return changes.slice(0, MAX_CHANGES);
}

function compare(before: unknown, after: unknown, where: readonly string[], changes: DocumentChange[]): void {
  if (changes.length >= MAX_CHANGES) return;
  const [a, b] = [named(before), named(after)];
  if (a && b) {
    for (const name of new Set([...a.keys(), ...b.keys()])) {
      compare(a.get(name), b.get(name), [...where, name], changes);
    }
    const isOrdered = Array.isArray(before) && Array.isArray(after);
    const [first, second] = [kept(a, b), kept(b, a)];
    if (isOrdered && first !== second) {
      changes.push({
        where: [...where, "order"].join(" › "),
        before: truncated(first),
        after: truncated(second),
      });
    }
    return;
  }
  const [first, second] = [jsonOf(before), jsonOf(after)];
  if (first !== second) {
    changes.push({ where: where.join(" › "), before: truncated(first), after: truncated(second) });
  }
}

/** The named parts of an object, or of a list whose items all have different names; null for anything else. */
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

/** The names on both sides, in the order of the first. */
function kept(of: ReadonlyMap<string, unknown>, also: ReadonlyMap<string, unknown>): string {
  return [...of.keys()].filter((name) => also.has(name)).join(", ");
}

function jsonOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function truncated(text: string | null): string | null {
  return text === null || text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH - 1)}…`;
}
