/**
 * One field of the form: a text, a number or a choice, as the policy's schema says. Commits when the person leaves the field or presses
 * Enter. An empty optional field is removed from the document.
 */
import type { SchemaNode } from "../editor/json-schema.ts";

interface Props {
  readonly label: string;
  readonly node: SchemaNode;
  readonly value: unknown;
  readonly isRequired: boolean;
  /** What is wrong with the value; null if nothing is known. */
  readonly fault: string | null;
  /** What to write: undefined removes the field. */
  readonly onCommit: (value: unknown) => void;
}

export function SchemaField({ label, node, value, isRequired, fault, onCommit }: Props) {
  return (
    <label class={`field ${node.type}`} title={node.description}>
      <span>{label}</span>
      <Control
        label={label}
        node={node}
        value={value}
        isRequired={isRequired}
        fault={fault}
        onCommit={onCommit}
      />
      {fault !== null && <em class="field-fault">{fault}</em>}
    </label>
  );
}

function Control({ node, value, isRequired, fault, onCommit }: Props) {
  const isInvalid = fault !== null;
  if (node.type === "boolean") {
    return (
      <input
        type="checkbox"
        checked={value === true}
        onChange={(event) => onCommit(event.currentTarget.checked ? true : undefined)}
      />
    );
  }
  if (node.values.length > 0) {
    const text = value === undefined ? "" : String(value);
    const options = node.values.map(String);
    return (
      <select
        value={text}
        aria-invalid={isInvalid}
        onChange={({ currentTarget }) =>
          onCommit(currentTarget.value === "" ? undefined : currentTarget.value)
        }
      >
        {(!isRequired || value === undefined) && <option value="">default</option>}
        {[...new Set([...options, ...(text === "" ? [] : [text])])].map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    );
  }
  const isNumber = node.type === "number" || node.type === "integer";
  const text = {
    value: value === undefined ? "" : String(value),
    required: isRequired,
    "aria-invalid": isInvalid,
    autocomplete: "off",
    onChange: ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
      const typed = currentTarget.value.trim();
      if (typed !== "") onCommit(isNumber ? Number(typed) : typed);
      else if (!isRequired) onCommit(undefined);
    },
    ...(isRequired ? {} : { placeholder: "default" }),
  } as const;
  return isNumber ? (
    <input type="number" step="any" {...text} />
  ) : (
    <input type="text" spellcheck={false} {...text} />
  );
}
