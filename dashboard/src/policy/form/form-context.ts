/** What all parts of the form share: the document, its schema and faults, and how to change it. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { PolicyUses } from "../../shell/answers.ts";
import type { ParsedJson } from "../editor/json-document.ts";
import type { TextEdit } from "../editor/json-edits.ts";
import type { JsonSchema } from "../editor/json-schema.ts";
import type { LocatedFault } from "../validation.ts";

export interface Form {
  readonly json: ParsedJson;
  readonly schema: JsonSchema;
  readonly faults: readonly LocatedFault[];
  readonly uses: PolicyUses | null;
  /** Changes the text of the draft. */
  readonly apply: (editsOf: (json: ParsedJson) => readonly TextEdit[]) => void;
}

const Context = createContext<Form | null>(null);

export const FormProvider = Context.Provider;

export function useForm(): Form {
  const form = useContext(Context);
  if (!form) throw new Error("useForm must be called within a FormProvider");
  return form;
}

/** The message of a fault at exactly this pointer. */
export function faultAt({ faults }: Form, pointer: string): string | null {
  return faults.find(({ where }) => where === pointer)?.message ?? null;
}
