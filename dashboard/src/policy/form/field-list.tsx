/** Some fields of the object at a pointer, as its schema describes them. */
import { isRecord } from "../../shell/api-client.ts";
import { setField } from "../editor/json-edits.ts";
import { childPointer, valueAt } from "../editor/json-pointer.ts";
import { fieldOf, schemaAt } from "../editor/json-schema.ts";
import { faultAt, useForm } from "./form-context.ts";
import { SchemaField } from "./schema-field.tsx";

interface Props {
  readonly pointer: string;
  /** The fields to show, in order, with their labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether they are booleans that are false by default. */
  readonly areSwitches?: boolean;
}

export function FieldList({ pointer, labels, areSwitches = false }: Props) {
  const form = useForm();
  const { json, schema, apply } = form;
  const node = schemaAt(schema, pointer, (at) => valueAt(json.value, at));
  const fields = valueAt(json.value, pointer);
  const tiers = valueAt(json.value, "/tiers");
  const tierNames = isRecord(tiers) ? Object.keys(tiers) : [];
  if (!node || !isRecord(fields)) return null;
  return (
    <div class="fields">
      {Object.entries(labels)
        .filter(([name]) => Object.hasOwn(node.properties, name))
        .map(([name, label]) => (
          <SchemaField
            key={name}
            label={label}
            node={fieldOf(schema, node, name)}
            value={fields[name]}
            tierNames={tierNames}
            isSwitch={areSwitches}
            isRequired={node.required.includes(name)}
            fault={faultAt(form, childPointer(pointer, name))}
            onCommit={(value) => apply((known) => setField(known, pointer, name, value))}
          />
        ))}
    </div>
  );
}
