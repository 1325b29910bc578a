/**
 * The changes between two policies in words: "minute: 100 → 20 tokens a minute, burst 150 → 20". Limits are compared by name, tiers too,
 * routes by methods and pattern. For people to review; the document itself decides. Pure; accepts documents of any shape.
 */
import { isRecord } from "../shell/api-client.ts";
import { comparablePools } from "./pool-words.ts";
import { type Effect, limitChange, limitWords, shadowChange } from "./limit-words.ts";

export interface PolicyChange {
  readonly part: "tier" | "route" | "policy";
  /** The tier's name, or the route's methods and pattern; "" for the policy. */
  readonly name: string;
  readonly words: string;
  readonly effect: Effect;
}

type Fields = Readonly<Record<string, unknown>>;
type Part = Omit<PolicyChange, "part" | "name">;

const MAX_CHANGES = 200;
const MAX_VALUE_LENGTH = 120;

/** At most 200 changes: tiers, then routes, then the rest. */
export function policyChanges(before: unknown, after: unknown): PolicyChange[] {
  const [a, b] = [fieldsOf(before), fieldsOf(after)];
  const { tiers: tiersBefore, routes: routesBefore, upstreams: poolsBefore, ...restBefore } = a;
  const { tiers: tiersAfter, routes: routesAfter, upstreams: poolsAfter, ...restAfter } = b;
  return [
    ...tierChanges(tiersBefore, tiersAfter),
    ...routeChanges(routesBefore, routesAfter),
    ...changesOf("policy", "", poolChanges(poolsBefore, poolsAfter)),
    ...changesOf("policy", "", fieldChanges(restBefore, restAfter, "")),
  ].slice(0, MAX_CHANGES);
}

function changesOf(part: PolicyChange["part"], name: string, changes: readonly Part[]): PolicyChange[] {
  return changes.map(({ words, effect }) => ({ part, name, words, effect }));
}

function tierChanges(before: unknown, after: unknown): PolicyChange[] {
  if (!isRecord(before) || !isRecord(after)) return wholeChange("policy", "tiers", before, after);
  return namesOf(before, after).flatMap((name) => {
    const [was, is] = [before[name], after[name]];
    const of = (changes: readonly Part[]) => changesOf("tier", name, changes);
    if (was === undefined) return of([{ words: `new tier: ${tierWords(is)}`, effect: null }]);
    if (is === undefined) return of([{ words: `removed (was: ${tierWords(was)})`, effect: null }]);
    return of(partChanges(fieldsOf(was), fieldsOf(is)));
  });
}

function routeChanges(before: unknown, after: unknown): PolicyChange[] {
  const [a, b] = [routesByName(before), routesByName(after)];
  if (!a || !b) return wholeChange("policy", "routes", before, after);
  const changes = [...new Set([...a.keys(), ...b.keys()])].flatMap((name) => {
    const [was, is] = [a.get(name), b.get(name)];
    const of = (parts: readonly Part[]) =>
      parts.map((part): PolicyChange => ({ part: "route", name, ...part }));
    if (!was) return of([{ words: `new route: ${routeWords(is)}`, effect: null }]);
    if (!is) return of([{ words: "removed: its requests match a later route, or none (404)", effect: null }]);
    return of(partChanges(was, is));
  });
  const kept = (names: Iterable<string>, others: ReadonlyMap<string, unknown>) =>
    [...names].filter((name) => others.has(name)).join(", ");
  const [first, second] = [kept(a.keys(), b), kept(b.keys(), a)];
  if (first === second) return changes;
  const words = `route order: ${truncated(first)} → ${truncated(second)} (the first match applies)`;
  return [...changes, { part: "policy", name: "", words, effect: null }];
}

/** The changes of a tier or a route: its limits, then its other fields. */
function partChanges(before: Fields, after: Fields): Part[] {
  const { limits: limitsBefore, ...restBefore } = before;
  const { limits: limitsAfter, ...restAfter } = after;
  return [...limitChanges(limitsBefore, limitsAfter), ...fieldChanges(restBefore, restAfter, "")];
}

function limitChanges(before: unknown, after: unknown): Part[] {
  const [a, b] = [byName(before), byName(after)];
  if (!a || !b)
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [valueChange("limits", before, after)];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((name): Part[] => {
    const [was, is] = [a.get(name), b.get(name)];
    // Adding or removing a limit in shadow denies nothing.
    const effect = (limit: Fields, other: Effect) => (limit["shadow"] === true ? null : other);
    if (!was) {
      const words = `new limit ${name}: ${limitWords(is ?? {})}`;
      return [{ words, effect: effect(is ?? {}, "tighter") }];
    }
    if (!is) {
      const words = `limit ${name} removed (was: ${limitWords(was)})`;
      return [{ words, effect: effect(was, "looser") }];
    }
    const change = limitChange(was, is);
    return change === null ? [] : [{ ...change, words: `${name}: ${change.words}` }];
  });
}

/** By field, with defaults. */
function poolChanges(before: unknown, after: unknown): Part[] {
  const [was, is] = [comparablePools(before ?? {}, after), comparablePools(after ?? {}, before)];
  return fieldChanges({ upstreams: was }, { upstreams: is }, "");
}

/** Any other fields, by name: "cost 1 → 2". */
function fieldChanges(before: Fields, after: Fields, prefix: string): Part[] {
  return namesOf(before, after).flatMap((name): Part[] => {
    const [was, is] = [before[name], after[name]];
    if (isRecord(was) && isRecord(is)) return fieldChanges(was, is, `${prefix}${name}.`);
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    const shadow = shadowFieldChange(prefix, name, was, is);
    if (shadow) return [shadow];
    const change = valueChange(`${prefix}${name}`, was, is);
    return [name === "cost" && prefix === "" ? { ...change, effect: costEffect(was, is) } : change];
  });
}

/** Of a tier, a route or the whole policy; null if the field is no such. */
function shadowFieldChange(prefix: string, name: string, was: unknown, is: unknown): Part | null {
  if (prefix !== "") return null;
  if (name === "enforcement") {
    const change = shadowChange(was === "shadow", is === "shadow");
    return change && { ...change, words: `all limits ${change.words}` };
  }
  const change = name === "shadow" ? shadowChange(was, is) : null;
  return change && { ...change, words: `its limits ${change.words}` };
}

function valueChange(name: string, was: unknown, is: unknown): Part {
  return { words: `${name} ${textOf(was)} → ${textOf(is)}`, effect: null };
}

function costEffect(was: unknown, is: unknown): Effect {
  const [a, b] = [was ?? 1, is ?? 1];
  if (typeof a !== "number" || typeof b !== "number" || a === b) return null;
  return b > a ? "tighter" : "looser";
}

function wholeChange(
  part: PolicyChange["part"],
  name: string,
  before: unknown,
  after: unknown,
): PolicyChange[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ part, name: "", ...valueChange(name, before, after) }];
}

function tierWords(tier: unknown): string {
  const limits = fieldsOf(tier)["limits"];
  if (!Array.isArray(limits)) return "no limits";
  if (limits.length === 0) return "unlimited";
  return limits.map((limit) => limitWords(fieldsOf(limit))).join("; ");
}

function routeWords(route: Fields | undefined): string {
  const { cost = 1, limits, auth } = route ?? {};
  const parts = [`cost ${textOf(cost)}`];
  if (Array.isArray(limits)) parts.push(...limits.map((limit) => limitWords(fieldsOf(limit))));
  if (auth === "required") parts.push("needs a credential");
  return parts.join("; ");
}

/** The items of a list by their name; null if it is none, or two have the same name. Undefined is an empty list. */
function byName(list: unknown): ReadonlyMap<string, Fields> | null {
  return itemsBy(list, ({ name }) => (typeof name === "string" ? name : null));
}

/** The routes of a policy by their methods and pattern, as reports name them; null if two have the same. */
function routesByName(list: unknown): ReadonlyMap<string, Fields> | null {
  return itemsBy(list, routeName);
}

/** As reports name a route; null if it has no pattern. */
export function routeName({ match, methods }: Fields): string | null {
  if (typeof match !== "string") return null;
  return Array.isArray(methods) ? `${methods.join(",")} ${match}` : match;
}

function itemsBy(list: unknown, nameOf: (item: Fields) => string | null): ReadonlyMap<string, Fields> | null {
  if (list === undefined) return new Map();
  if (!Array.isArray(list)) return null;
  const items = new Map<string, Fields>();
  for (const item of list) {
    const name = nameOf(fieldsOf(item));
    if (name === null || items.has(name)) return null;
    items.set(name, fieldsOf(item));
  }
  return items;
}

function namesOf(a: Fields, b: Fields): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

function textOf(value: unknown): string {
  if (value === undefined) return "default";
  return truncated(typeof value === "string" ? value : JSON.stringify(value));
}

function truncated(text: string): string {
  return text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH - 1)}…`;
}
