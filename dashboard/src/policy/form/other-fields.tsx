/**
 * What the schema has at a pointer and the form has no place of its own for: fields, objects that the policy may lack, such as a price,
 * and lists of objects. So nothing of a policy is left to the text alone, and a new field of the schema is in the form at once.
 */
import { isRecord } from "../../shell/api-client.ts";
import { Icon } from "../../kit/icon.tsx";
import { appendItem, removeItem, setField } from "../editor/json-edits.ts";
import { childPointer, valueAt } from "../editor/json-pointer.ts";
import { fieldOf, itemOf, optionsOf, schemaAt, type SchemaNode } from "../editor/json-schema.ts";
import { FieldList } from "./field-list.tsx";
import { useForm } from "./form-context.ts";
import { fieldsOf, firstValue } from "./schema-fields.ts";

/** Better words than the name of a field. */
const WORDS: Readonly<Record<string, string>> = {
  monthly: "A month",
  per: "Per, tokens",
  headers: "Response headers",
  xRateLimit: "X-RateLimit headers",
  cors: "Browsers (CORS)",
  upTo: "Up to, tokens",
  costPerMillion: "Your cost of a million requests, estimated",
};

/** "Spend cap" of `spendCap`. */
function words(name: string): string {
  const lower = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return WORDS[name] ?? lower.charAt(0).toUpperCase() + lower.slice(1);
}

interface Props {
  readonly pointer: string;
  /** The fields that are shown elsewhere. */
  readonly except?: readonly string[];
}

export function OtherFields({ pointer, except = [] }: Props) {
  const { json, schema } = useForm();
  const node = schemaAt(schema, pointer, (at) => valueAt(json.value, at));
  if (!node) return null;
  const { fields, parts, lists } = fieldsOf(schema, node, except);
  const labels = Object.fromEntries(fields.map((name) => [name, words(name)]));
  return (
    <>
      {fields.length > 0 && <FieldList pointer={pointer} labels={labels} />}
      {parts.map((name) => (
        <Part key={name} pointer={pointer} name={name} node={fieldOf(schema, node, name)} />
      ))}
      {lists.map((name) => (
        <List key={name} pointer={pointer} name={name} node={fieldOf(schema, node, name)} />
      ))}
    </>
  );
}

interface PartProps {
  /** Of the object that may have it. */
  readonly pointer: string;
  readonly name: string;
  readonly node: SchemaNode;
}

function Part({ pointer, name, node }: PartProps) {
  const { json, apply } = useForm();
  const place = childPointer(pointer, name);
  const set = (value: unknown) => apply((known) => setField(known, pointer, name, value));
  if (!isRecord(valueAt(json.value, place))) return <Add title={words(name)} node={node} onAdd={set} />;
  return <Item title={words(name)} pointer={place} node={node} onRemove={() => set(undefined)} />;
}

function List({ pointer, name, node }: PartProps) {
  const { json, schema, apply } = useForm();
  const place = childPointer(pointer, name);
  const list = valueAt(json.value, place);
  const item = itemOf(schema, node);
  return (
    <>
      {(Array.isArray(list) ? list : []).map((_item, i) => (
        <Item
          key={i}
          title={`${words(name)} ${i + 1}`}
          pointer={childPointer(place, i)}
          node={item}
          onRemove={() => apply((known) => removeItem(known, place, i))}
        />
      ))}
      <Add
        title={words(name)}
        node={item}
        onAdd={(value) =>
          apply((known) =>
            Array.isArray(list) ? appendItem(known, place, value) : setField(known, pointer, name, [value]),
          )
        }
      />
    </>
  );
}

interface AddProps {
  readonly title: string;
  readonly node: SchemaNode;
  readonly onAdd: (value: unknown) => void;
}

/** A button that adds an object; one for each alternative. */
function Add({ title, node, onAdd }: AddProps) {
  const { schema } = useForm();
  const options = optionsOf(schema, node).map(
    (option) => [`${title}: ${option.value}`, option.node] as const,
  );
  return (
    <div class="buttons start">
      {(options.length > 0 ? options : [[title, node] as const]).map(([label, of]) => (
        <button
          key={label}
          type="button"
          class="small"
          title={node.description}
          onClick={() => onAdd(firstValue(schema, of))}
        >
          <Icon name="plus" />
          {label}
        </button>
      ))}
    </div>
  );
}

interface ItemProps {
  readonly title: string;
  readonly pointer: string;
  readonly node: SchemaNode;
  readonly onRemove: () => void;
}

function Item({ title, pointer, node, onRemove }: ItemProps) {
  const { json, schema } = useForm();
  const [option] = optionsOf(schema, node);
  const value = valueAt(json.value, pointer);
  const which = option && isRecord(value) ? `: ${String(value[option.tag])}` : "";
  return (
    <fieldset title={node.description}>
      <legend>
        {title}
        {which}
      </legend>
      <OtherFields pointer={pointer} except={option ? [option.tag] : []} />
      <div class="buttons">
        <button type="button" class="plain" aria-label={`Remove ${title}`} onClick={onRemove}>
          <Icon name="cross" />
          Remove
        </button>
      </div>
    </fieldset>
  );
}
