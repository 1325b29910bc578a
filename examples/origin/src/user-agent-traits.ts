/**
 * Splits a User-Agent field into a trait set: one trait per product and one per comment (RFC 9110, section 10.1.5), so that
 * two strings can be compared part by part. Pure. Must never detect browsers: it knows only the grammar.
 */
import { type Traits, traitSet } from "./traits.ts";

/**
 * `product:chrome` -> `Chrome/120.0`, `comment:1` -> the first text in parentheses. The value includes the product's name, so
 * that two versions of a product are partly similar. A product that occurs twice gives one trait with both values.
 */
export function userAgentTraits(userAgent: string): Traits {
  const traits = new Map<string, string>();
  let comments = 0;
  for (const part of parts(userAgent)) {
    if (part.startsWith("(")) {
      comments += 1;
      traits.set(`comment:${comments}`, part);
    } else {
      const name = `product:${(part.split("/", 1)[0] ?? part).toLowerCase()}`;
      const before = traits.get(name);
      traits.set(name, before === undefined ? part : `${before} ${part}`);
    }
  }
  return traitSet(traits);
}

/**
 * The words and comments, in order. Comments nest; an unclosed one extends to the end. Always a single pass.
 */
function parts(userAgent: string): string[] {
  const found: string[] = [];
  let current = "";
  let depth = 0;
  const cut = (): void => {
    if (current !== "") found.push(current);
    current = "";
  };

  for (const character of userAgent) {
    if (depth === 0 && (character === "(" || /\s/.test(character))) cut();
    if (depth > 0 || !/\s/.test(character)) current += character;
    if (character === "(") depth += 1;
    if (character === ")" && depth > 0) {
      depth -= 1;
      if (depth === 0) cut();
    }
  }
  cut();
  return found;
}
