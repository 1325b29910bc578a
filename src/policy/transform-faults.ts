/** Checks the transformations of policies that are not stored yet: names that must not be changed, variables that do not exist. Pure. */
import ipaddr from "ipaddr.js";
import type { Policy } from "./compile.ts";
import type { Route } from "./compiled.ts";
import { type Fault, MAX_FAULTS, pointer } from "./fault.ts";
import { forbiddenHeader, type Operation } from "./forbidden-headers.ts";
import { PATTERN, type PolicyDocument } from "./schema.ts";
import {
  hasStrayDollar,
  paramOf,
  parseTemplate,
  secretBindingOf,
  secretOf,
  VARIABLES,
  variablesOf,
} from "./template.ts";
import type { Changes } from "./transform-schema.ts";

type Path = readonly PropertyKey[];
type Add = (path: Path, message: string) => void;
/** Why a variable cannot stand in a value; null: it can. */
type VariableFault = (variable: string) => string | null;

/** Every fault, at most {@link MAX_FAULTS}. */
export function transformFaults({ routes }: PolicyDocument): Fault[] {
  const faults: Fault[] = [];
  const add: Add = (path, message) => faults.push({ path: pointer(path), message });
  routes.forEach(({ match, request, response, usage }, i) => {
    const params = paramsOf(match);
    const inHeaders = variableFault(params, true);
    const elsewhere = variableFault(params, false);
    if (request?.path !== undefined) pathFaults(request.path, match, ["routes", i, "request", "path"], add);
    headerFaults(request?.headers, ["routes", i, "request", "headers"], inHeaders, add);
    changeFaults(request?.query, ["routes", i, "request", "query"], (name) => name, elsewhere, add);
    const ofResponse = ["routes", i, "response", "headers"];
    headerFaults(response?.headers, ofResponse, elsewhere, add);
    if (usage) usageFaults(response?.headers, ofResponse, add);
  });
  return faults.slice(0, MAX_FAULTS);
}

/** Secrets that are not there, and those that an upstream gets in clear text. `bindings`: the Worker's. */
export function transformWarnings({ routes }: Policy, bindings: object): Fault[] {
  const warnings = routes.all.flatMap((route, i): Fault[] => {
    const { transform } = route;
    const headers = transform?.request?.headers ?? {};
    return (["set", "add"] as const).flatMap((list) =>
      Object.entries(headers[list] ?? {}).flatMap(([name, value]) => {
        const path = pointer(["routes", i, "request", "headers", list, name]);
        const names = variablesOf(parseTemplate(value)).flatMap(
          (variable) => secretBindingOf(variable) ?? [],
        );
        const missing = names.filter((binding) => secretOf(bindings, binding) === null);
        const messages = missing.map(
          (binding) =>
            `needs the secret ${binding}, which this Worker does not have: requests of the route are 502 until it is set`,
        );
        if (names.length > 0 && upstreamsOf(route, bindings).some(isInClear)) {
          messages.push("is a secret, and the upstream is http: it is sent in clear text");
        }
        return messages.map((message) => ({ path, message }));
      }),
    );
  });
  return warnings.slice(0, MAX_FAULTS);
}

/** Where a route's requests may go, as URLs or services. Targets that are discovered have their scheme alone. */
function upstreamsOf({ upstream, pool }: Route, bindings: object): string[] {
  if (pool === null) {
    const byDefault: unknown = Object.hasOwn(bindings, "UPSTREAM") ? Reflect.get(bindings, "UPSTREAM") : null;
    return [upstream ?? (typeof byDefault === "string" ? byDefault : "")];
  }
  const { targets = [], discover } = pool.document;
  return [...targets.map(({ url }) => url), ...(discover?.scheme ? [`${discover.scheme}://discovered`] : [])];
}

/** The parameters of a route's pattern. */
function paramsOf(match: string): ReadonlySet<string> {
  return new Set(match.split("/").flatMap((part) => (part.startsWith(":") ? part.slice(1) : [])));
}

function pathFaults(path: string, match: string, at: Path, add: Add): void {
  if (!PATTERN.test(path)) {
    add(at, "must be a path of literals and :params, with * at the end only");
    return;
  }
  const segments = path.split("/");
  if (segments.includes(".") || segments.includes("..")) add(at, "must not have the segments . and ..");
  const params = paramsOf(match);
  for (const param of paramsOf(path)) if (!params.has(param)) add(at, unknownParam(param, params));
  if (segments.at(-1) === "*" && !match.endsWith("/*"))
    add(at, "has a star, which the route's match has not");
}

function unknownParam(param: string, params: ReadonlySet<string>): string {
  return `unknown parameter "${param}" (of the route's match: ${[...params].join(", ") || "none"})`;
}

function variableFault(params: ReadonlySet<string>, mayBeSecret: boolean): VariableFault {
  return (variable) => {
    if (VARIABLES.some((known) => known === variable)) return null;
    const param = paramOf(variable);
    if (param !== null) return params.has(param) ? null : unknownParam(param, params);
    if (variable.startsWith("secret.")) {
      if (secretBindingOf(variable) === null)
        return "a secret's name has A to Z, 0 to 9 and _ only, such as ${secret.API}";
      return mayBeSecret ? null : "a secret can stand only in a header of the request";
    }
    return `unknown variable "${variable}" (known: ${VARIABLES.join(", ")}, param.NAME, secret.NAME)`;
  };
}

/** Names of headers are the same in any case, and some must not be changed. */
function headerFaults(changes: Changes | undefined, at: Path, fault: VariableFault, add: Add): void {
  changeFaults(changes, at, (name) => name.toLowerCase(), fault, add);
  for (const { operation, key, name } of namesIn(changes)) {
    const why = forbiddenHeader(name, operation);
    if (why !== null) add([...at, operation, key], `"${name}" ${why}`);
  }
}

/** Usage is read from a response as its type says, after it was changed. */
function usageFaults(changes: Changes | undefined, at: Path, add: Add): void {
  for (const { operation, key, name } of namesIn(changes)) {
    if (name.toLowerCase() !== "content-type") continue;
    add(
      [...at, operation, key],
      `"${name}" says how the response's usage is read: it cannot be changed with usage`,
    );
  }
}

/** The names that are changed, with their places. */
function namesIn(changes: Changes = {}): { operation: Operation; key: string; name: string }[] {
  return (["remove", "rename", "set", "add"] as const).flatMap((operation) =>
    Object.entries(changes[operation] ?? {}).flatMap(([key, value]) => {
      const names = operation === "remove" ? [value] : operation === "rename" ? [key, value] : [key];
      return names.map((name) => ({ operation, key, name }));
    }),
  );
}

function changeFaults(
  { remove = [], rename = {}, set = {}, add: added = {} }: Changes = {},
  at: Path,
  normalize: (name: string) => string,
  fault: VariableFault,
  add: Add,
): void {
  const twice = (names: readonly string[], path: (i: number) => Path, what: string): void => {
    const normal = names.map(normalize);
    normal.forEach((name, i) => {
      if (normal.indexOf(name) < i) add(path(i), `${what} "${name}" twice`);
    });
  };
  twice(remove, (i) => [...at, "remove", i], "names");
  for (const [list, entries] of [
    ["rename", rename],
    ["set", set],
    ["add", added],
  ] as const) {
    const names = Object.keys(entries);
    twice(names, (i) => [...at, list, names[i] ?? ""], "names");
    if (list === "rename") continue;
    for (const [name, value] of Object.entries(entries)) {
      const path = [...at, list, name];
      if (hasStrayDollar(value))
        add(path, "has a dollar sign that begins no ${variable}: write $$ for the sign");
      const messages = variablesOf(parseTemplate(value)).flatMap((variable) => fault(variable) ?? []);
      for (const message of new Set(messages)) add(path, message);
    }
  }
  const sources = Object.keys(rename);
  twice(Object.values(rename), (i) => [...at, "rename", sources[i] ?? ""], "gives the name");
  for (const [from, to] of Object.entries(rename)) {
    if (normalize(from) === normalize(to)) add([...at, "rename", from], "is the same name");
  }
}

/** Whether others can read what is sent to an upstream. Local addresses are for development. */
function isInClear(upstream: string): boolean {
  const url = URL.parse(upstream);
  if (url?.protocol !== "http:") return false;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return host !== "localhost" && !(ipaddr.isValid(host) && ipaddr.process(host).range() === "loopback");
}
