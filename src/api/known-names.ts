/** Faults for a name that the policy does not know, which list the names it does know. */
import { type Fault, knownNames } from "../policy/fault.ts";

/** `unknown tier "x" (known: anon, free, pro)`. @param what the kind of name. @param name already bounded by a schema. */
export function unknownName(path: string, what: string, name: string, known: Iterable<string>): Fault {
  return { path, message: `unknown ${what} "${name}" ${knownNames(known)}` };
}
