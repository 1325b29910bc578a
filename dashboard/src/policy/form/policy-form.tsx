/**
 * The draft as a form: tiers, routes and defaults. Every change is made in the text, which keeps its order and its layout, and can be
 * undone in the editor. Fields that the form does not show are left as they are.
 */
import { useRef } from "preact/hooks";
import { isRecord } from "../../shell/api-client.ts";
import type { PolicyUses } from "../../shell/answers.ts";
import type { JsonDocument, ParsedJson } from "../editor/json-document.ts";
import { setField, type TextEdit } from "../editor/json-edits.ts";
import { valueAt } from "../editor/json-pointer.ts";
import type { JsonSchema } from "../editor/json-schema.ts";
import type { LocatedFault } from "../validation.ts";
import { faultAt, FormProvider, useForm } from "./form-context.ts";
import { OtherFields } from "./other-fields.tsx";
import { RouteList } from "./route-list.tsx";
import { TierList } from "./tier-list.tsx";

interface Props {
  readonly json: JsonDocument;
  readonly schema: JsonSchema | null;
  readonly faults: readonly LocatedFault[];
  readonly uses: PolicyUses | null;
  readonly apply: (editsOf: (json: ParsedJson) => readonly TextEdit[]) => void;
}

export function PolicyForm({ json, schema, faults, uses, apply }: Props) {
  // While the text is not JSON, the form keeps the last one that was, and cannot be used.
  const last = useRef<ParsedJson | null>(null);
  if (json.ok) last.current = json;
  const known = last.current;
  return (
    <section class="policy-form" aria-label="Form">
      {!json.ok && <p class="quiet">The text is not JSON: fix it to use the form.</p>}
      {known !== null && schema === null && <p role="status">Loading…</p>}
      {known !== null && schema !== null && (
        <div inert={!json.ok}>
          <FormProvider value={{ json: known, schema, faults, uses, apply }}>
            <TierList />
            <Defaults />
            <RouteList />
            <section aria-label="More" class="parts">
              <h2>More</h2>
              <OtherFields pointer="" except={POLICY_FIELDS} />
            </section>
          </FormProvider>
        </div>
      )}
    </section>
  );
}

const DEFAULTS = {
  defaultTier: "Users without a tier of their own",
  anonymousTier: "Callers without a credential",
} as const;

/** The fields of a policy that the form has a place for. */
const POLICY_FIELDS = ["schema", "tiers", "routes", ...Object.keys(DEFAULTS)];

function Defaults() {
  const form = useForm();
  const { json, apply } = form;
  const tiers = valueAt(json.value, "/tiers");
  const names = isRecord(tiers) ? Object.keys(tiers) : [];
  return (
    <section aria-label="Default tiers" class="parts">
      <h2>Default tiers</h2>
      <div class="fields">
        {Object.entries(DEFAULTS).map(([name, label]) => {
          const value = String(valueAt(json.value, `/${name}`) ?? "");
          const fault = faultAt(form, `/${name}`);
          return (
            <label key={name} class="field">
              <span>{label}</span>
              <select
                value={value}
                aria-invalid={fault !== null}
                onChange={({ currentTarget }) =>
                  apply((known) => setField(known, "", name, currentTarget.value))
                }
              >
                {[...new Set([...names, value])].map((tier) => (
                  <option key={tier}>{tier}</option>
                ))}
              </select>
              {fault !== null && <em class="field-fault">{fault}</em>}
            </label>
          );
        })}
      </div>
    </section>
  );
}
