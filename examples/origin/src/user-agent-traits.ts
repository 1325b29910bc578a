/**
 * A User-Agent field taken apart into a trait set: a trait for each product, and one for each comment (RFC
 * 9110, section 10.1.5), so that two strings can be compared part by part. Pure. Must never guess at
 * browsers: it knows the grammar only.
 */
import { type Traits, traitSet } from "./traits.ts";

/**
 * `product:chrome` -> `Chrome/120.0`, `comment:1` -> what stands in the first parentheses. The product's name
 * is part of the value, so that two versions of one product are partly alike. A product named twice is one
 * trait of both.
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
 * Words and comments in turn. Comments nest; one that is never closed runs to the end. One pass, whatever is
 * sent.
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
