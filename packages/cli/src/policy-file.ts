/** The policy in a file, checked as the Worker would check it. */
import { readFile } from "node:fs/promises";
import { compilePolicy } from "../../../src/policy/compile.ts";
import { type Fault, parseBy } from "../../../src/policy/fault.ts";
import { type PolicyDocument, policySchema } from "../../../src/policy/schema.ts";
import { Failure } from "./failure.ts";

export type CheckedPolicy =
  | { readonly ok: true; readonly document: PolicyDocument }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Checks a document. */
export function checkedPolicy(json: unknown): CheckedPolicy {
  const parsed = parseBy(policySchema, json);
  if (!parsed.ok) return parsed;
  const compiled = compilePolicy(json, 1);
  return compiled.ok ? { ok: true, document: parsed.value } : compiled;
}

/** @throws Failure if the file cannot be read or is not JSON. */
export async function readPolicyFile(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch((thrown: unknown) => {
    throw new Failure(`cannot read ${file}: ${thrown instanceof Error ? thrown.message : thrown}`);
  });
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new Failure(`${file} is not JSON: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
}

/** @throws Failure with every fault and its path. */
export function validPolicy(json: unknown, file: string): PolicyDocument {
  const checked = checkedPolicy(json);
  if (checked.ok) return checked.document;
  const lines = checked.faults.map((fault) => `  ${fault.path || "/"}: ${fault.message}`);
  throw new Failure(`${file} is invalid:\n${lines.join("\n")}`);
}
