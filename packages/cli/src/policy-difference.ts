/** Compares two policies by what they mean: defaults and formatting make no difference. Pure. */
import { canonicalJson } from "../../../src/canonical-json.ts";
import { effectivePolicy } from "../../../src/policy/effective.ts";
import type { PolicyDocument } from "../../../src/policy/schema.ts";

export interface Difference {
  /** `tiers.free.limits.minute.burst`, `routes["/api/*"].cost`. */
  readonly path: string;
  /** Left out: there was nothing. */
  readonly before?: unknown;
  /** Left out: there is nothing any more. */
  readonly after?: unknown;
}

/** What would change, in the order of the new policy. */
export function differencesOf(before: PolicyDocument, after: PolicyDocument): Difference[] {
  return compare(viewOf(before), viewOf(after), "");
}

/** A difference as a line: `tiers.free.limits.minute.burst: 150 -> 500`. */
export function differenceText({ path, ...values }: Difference): string {
  const text = (value: unknown): string => JSON.stringify(value);
  if (!("before" in values)) return `+ ${path}: ${text(values.after)}`;
  if (!("after" in values)) return `- ${path}: ${text(values.before)}`;
  return `~ ${path}: ${text(values.before)} -> ${text(values.after)}`;
}

/** Routes and rules by name, so that one more moves no other; their order counts, and is apart. */
function viewOf(document: PolicyDocument): Readonly<Record<string, unknown>> {
  const effective = effectivePolicy(document);
  const routes = named(effective["routes"], (route) => {
    const methods: unknown = Reflect.get(route, "methods");
    const match = String(Reflect.get(route, "match"));
    return Array.isArray(methods) ? `${methods.join()} ${match}` : match;
  });
  const rules = named(effective["rules"], (rule) => String(Reflect.get(rule, "name")));
  return {
    ...effective,
    routes: routes.byName,
    "order of routes": routes.order,
    rules: rules.byName,
    "order of rules": rules.order,
  };
}

function named(list: unknown, nameOf: (entry: object) => string) {
  const entries = (Array.isArray(list) ? list : []).filter(
    (entry: unknown): entry is object => typeof entry === "object" && entry !== null,
  );
  const byName: Record<string, object> = {};
  const order: string[] = [];
  for (const entry of entries) {
    // Two of one name do not compile, but for routes that can never match; then the first says what applies.
    const name = nameOf(entry);
    byName[name] ??= entry;
    order.push(name);
  }
  return { byName, order };
}

function compare(before: unknown, after: unknown, path: string): Difference[] {
  if (canonicalJson(before) === canonicalJson(after)) return [];
  if (!isObject(before) || !isObject(after)) return [{ path, before, after }];
  const names = [...new Set([...Object.keys(after), ...Object.keys(before)])];
  const differences = names.flatMap((name) => {
    const [from, to] = [before[name], after[name]];
    const at = path === "" ? name : joined(path, name);
    if (to === undefined) return from === undefined ? [] : [{ path: at, before: from }];
    if (from === undefined) return [{ path: at, after: to }];
    return compare(from, to, at);
  });
  return path === "" ? withoutMoves(differences) : differences;
}

/** An order is news only if the same names are in another one: what is added or removed is said anyway. */
function withoutMoves(differences: readonly Difference[]): Difference[] {
  return differences.filter(({ path, before, after }) => {
    if (!path.startsWith("order of ") || !Array.isArray(before) || !Array.isArray(after)) return true;
    const [then, now] = [
      before.filter((name) => after.includes(name)),
      after.filter((name) => before.includes(name)),
    ];
    return canonicalJson(then) !== canonicalJson(now);
  });
}

function joined(path: string, name: string): string {
  return /^[A-Za-z_][\w-]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
