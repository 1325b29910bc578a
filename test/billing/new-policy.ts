/** The faults of a new document that concern billing, and those of any document. As src/api/policies/new-policy.ts finds them. */
import { billingFaults } from "../../src/policy/billing-faults.ts";
import { compileDocument } from "../../src/policy/compile.ts";
import { type Fault, parseBy } from "../../src/policy/fault.ts";
import { policySchema } from "../../src/policy/schema.ts";

export function newPolicyFaults(document: unknown): readonly Fault[] {
  const parsed = parseBy(policySchema, document);
  if (!parsed.ok) return parsed.faults;
  const compiled = compileDocument(parsed.value, 0);
  return compiled.ok ? billingFaults(parsed.value, compiled.value) : compiled.faults;
}
