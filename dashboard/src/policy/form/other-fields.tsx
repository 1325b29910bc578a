/**
 * What the schema has at a pointer and the form has no place of its own for: fields, and objects that the policy may lack, such as a
 * price. So nothing of a policy is left to the text alone, and a new field of the schema is in the form at once.
 */
import { isRecord } from "../../shell/api-client.ts";
import { Icon } from "../../kit/icon.tsx";
import { setField } from "../editor/json-edits.ts";
import { childPointer, valueAt } from "../editor/json-pointer.ts";
import { fieldOf, firstValue, otherFields, schemaAt, type SchemaNode } from "../editor/json-schema.ts";
import { FieldList } from "./field-list.tsx";
import { useForm } from "./form-context.ts";

/** Better words than the name of a field. */
const WORDS: Readonly<Record<string, string>> = {
  price: "Price",
  monthly: "A month",
  currency: "Currency",
  overage: "Overage",
  per: "Per, tokens",
  headers: "Response headers",
  xRateLimit: "X-RateLimit headers",
  cors: "Browsers (CORS)",
  origins: "Origins, separated by spaces",
  credentials: "Credentials",
  maxAgeSeconds: "Kept for, s",
};

interface Props {
  readonly pointer: string;
  /** The fields that are shown elsewhere. */
  readonly except?: readonly string[];
}

export function OtherFields({ pointer, except = [] }: Props) {
  const { json, schema } = useForm();
  const node = schemaAt(schema, pointer, (at) => valueAt(json.value, at));
  if (!node) return null;
  const { fields, parts } = otherFields(schema, node, except);
  return (
    <>
      {fields.length > 0 && (
        <FieldList
          pointer={pointer}
          labels={Object.fromEntries(fields.map((name) => [name, WORDS[name] ?? name]))}
        />
      )}
      {parts.map((name) => (
        <Part key={name} pointer={pointer} name={name} node={fieldOf(schema, node, name)} />
      ))}
    </>
  );
}

interface PartProps {
  readonly pointer: string;
  readonly name: string;
  readonly node: SchemaNode;
}

function Part({ pointer, name, node }: PartProps) {
  const { json, schema, apply } = useForm();
  const place = childPointer(pointer, name);
  const title = WORDS[name] ?? name;
  const set = (value: unknown) => apply((known) => setField(known, pointer, name, value));
  if (!isRecord(valueAt(json.value, place))) {
    return (
      <div class="buttons start">
        <button
          type="button"
          class="small"
          title={node.description}
          onClick={() => set(firstValue(schema, node))}
        >
          <Icon name="plus" />
          {title}
        </button>
      </div>
    );
  }
  return (
    <fieldset title={node.description}>
      <legend>{title}</legend>
      <OtherFields pointer={place} />
      <div class="buttons">
        <button type="button" class="plain" aria-label={`Remove ${title}`} onClick={() => set(undefined)}>
          <Icon name="cross" />
          Remove
        </button>
      </div>
    </fieldset>
  );
}
