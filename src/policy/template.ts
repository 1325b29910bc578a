/**
 * Values of transformations: text with variables. `${name}` is a variable, `$$` is a dollar sign. There are no expressions. Pure.
 */

/** A variable's name between `${` and `}`, or text. */
export type Part = { readonly variable: string } | { readonly text: string };
export type Template = readonly Part[];

const DOLLAR = /\$(?:\$|\{([^{}]*)\})?/g;

/** A dollar sign that begins neither `$$` nor a variable is text: {@link strayDollar} says whether there is one. */
export function parseTemplate(source: string): Template {
  const parts: Part[] = [];
  let end = 0;
  for (const match of source.matchAll(DOLLAR)) {
    parts.push({ text: source.slice(end, match.index) });
    end = match.index + match[0].length;
    const [, variable] = match;
    parts.push(variable === undefined ? { text: "$" } : { variable });
  }
  parts.push({ text: source.slice(end) });
  return parts.filter((part) => !("text" in part) || part.text !== "");
}

/** Whether some dollar sign begins neither `$$` nor a variable. */
export function hasStrayDollar(source: string): boolean {
  return source.replaceAll(DOLLAR, (found) => (found === "$" ? found : "")).includes("$");
}

/** The names of the variables, in order. */
export function variablesOf(template: Template): string[] {
  return template.flatMap((part) => ("variable" in part ? part.variable : []));
}

/** The text with the values of its variables; null if one has none. */
export function fillTemplate(
  template: Template,
  valueOf: (variable: string) => string | null,
  encode: (text: string) => string = (text) => text,
): string | null {
  let filled = "";
  for (const part of template) {
    const value = "text" in part ? encode(part.text) : valueOf(part.variable);
    if (value === null) return null;
    filled += value;
  }
  return filled;
}

const PARAM = "param.";
const SECRET = "secret.";
/** Variables with a name of their own. */
export const VARIABLES = ["user", "tier", "key", "requestId", "country"] as const;
/** Bindings that `${secret.NAME}` may read. */
const SECRET_PREFIX = "UPSTREAM_SECRET_";
const SECRET_NAME = /^[A-Z][A-Z0-9_]{0,63}$/;

/** The parameter of the route that a variable stands for; null: it is another variable. */
export function paramOf(variable: string): string | null {
  return variable.startsWith(PARAM) ? variable.slice(PARAM.length) : null;
}

/** The binding whose value a variable stands for; null: it is another variable. No other binding can be named. */
export function secretBindingOf(variable: string): string | null {
  if (!variable.startsWith(SECRET)) return null;
  const name = variable.slice(SECRET.length);
  return SECRET_NAME.test(name) ? SECRET_PREFIX + name : null;
}

/** The secret in a binding of this Worker; null: there is none, or it cannot be the value of a header. */
export function secretOf(bindings: object, binding: string): string | null {
  const bound: unknown = Object.hasOwn(bindings, binding) ? Reflect.get(bindings, binding) : null;
  // Tools that store a file's content add a line break.
  const secret = typeof bound === "string" ? bound.trim() : "";
  return /^[!-~](?:[ -~]*[!-~])?$/.test(secret) ? secret : null;
}
