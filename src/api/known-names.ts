/** Faults for a name that the policy does not know, which list the names it does know. */
import type { Fault } from "../policy/fault.ts";

/** A policy may have 64 tiers, and an account more limits: a message lists no more than this. */
const MAX_NAMES = 50;

/** `unknown tier "x" (known: anon, free, pro)`. @param what the kind of name. @param name already bounded by a schema. */
export function unknownName(path: string, what: string, name: string, known: Iterable<string>): Fault {
  const names = [...known];
  const list = names.length > MAX_NAMES ? [...names.slice(0, MAX_NAMES), "…"] : names;
  return { path, message: `unknown ${what} "${name}" (known: ${list.join(", ")})` };
}
