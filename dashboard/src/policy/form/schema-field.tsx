/**
 * One field of the form: a text, a number, a choice, a switch, or several texts or numbers, as the policy's schema says. Commits when the
 * person leaves the field or presses Enter. An empty optional field is removed from the document.
 */
import { useState } from "preact/hooks";
import { isRecord } from "../../shell/api-client.ts";
import type { SchemaNode } from "../editor/json-schema.ts";
import { amountsText, readAmounts } from "./schema-fields.ts";

interface Props {
  readonly label: string;
  readonly node: SchemaNode;
  readonly value: unknown;
  /** The tiers of the document, which a field may have as an object that names one. */
  readonly tierNames: readonly string[];
  readonly isRequired: boolean;
  /** For a boolean that is false by default: a checkbox instead of a choice. */
  readonly isSwitch: boolean;
  /** What is wrong with the value; null if nothing is known. */
  readonly fault: string | null;
  /** What to write: undefined removes the field. */
  readonly onCommit: (value: unknown) => void;
}

export function SchemaField(props: Props) {
  const { label, node, isSwitch, fault } = props;
  return (
    <label class={`field ${isSwitch ? "switch" : node.type}`} title={node.description}>
      <span>{label}</span>
      <Control {...props} />
      {fault !== null && <em class="field-fault">{fault}</em>}
    </label>
  );
}

function Control(props: Props) {
  const { node, value, tierNames, isRequired, isSwitch, fault, onCommit } = props;
  const isInvalid = fault !== null;
  if (isSwitch) {
    return (
      <input
        type="checkbox"
        checked={value === true}
        onChange={(event) => onCommit(event.currentTarget.checked ? true : undefined)}
      />
    );
  }
  const isBoolean = node.type === "boolean";
  if (isBoolean || node.values.length > 0) {
    const text = value === undefined ? "" : textOf(value);
    const choices = [...(isBoolean ? [true, false] : node.values), ...objectsOf(node, tierNames)];
    const byText = new Map(choices.map((choice) => [textOf(choice), choice]));
    // One that is none of them stays until another is chosen.
    if (text !== "" && !byText.has(text)) byText.set(text, value);
    return (
      <select
        value={text}
        aria-invalid={isInvalid}
        onChange={({ currentTarget: { value: chosen } }) =>
          onCommit(chosen === "" ? undefined : byText.get(chosen))
        }
      >
        {(!isRequired || value === undefined) && <option value="">default</option>}
        {[...byText].map(([option, choice]) => (
          <option key={option} value={option}>
            {isRecord(choice) ? Object.entries(choice).flat().join(" ") : option}
          </option>
        ))}
      </select>
    );
  }
  if (node.type === "array") return <Lines {...props} />;
  return <Line {...props} />;
}

/** The objects that the field may have instead of a value: one for each tier if they name a tier. */
function objectsOf({ insteadField }: SchemaNode, tierNames: readonly string[]): readonly unknown[] {
  return insteadField === "tier" ? tierNames.map((tier) => ({ tier })) : [];
}

function textOf(choice: unknown): string {
  return isRecord(choice) ? JSON.stringify(choice) : String(choice);
}

/** One text or number. */
function Line({ node, value, isRequired, fault, onCommit }: Props) {
  const isNumber = (node.type === "number" || node.type === "integer") && !node.hasAmounts;
  const typing = useTyping(amountsText(value), (text) => {
    const typed = text.trim();
    if (typed !== "") onCommit(node.hasAmounts ? readAmounts(typed) : isNumber ? Number(typed) : typed);
    else if (node.isNullable) onCommit(null);
    else if (!isRequired) onCommit(undefined);
  });
  const text = {
    ...typing,
    // An empty field is null where that is a value.
    required: isRequired && !node.isNullable,
    "aria-invalid": fault !== null,
    autocomplete: "off",
    ...(isRequired
      ? {}
      : { placeholder: node.hasAmounts ? "default, or requests 1, tokens 4000" : "default" }),
  } as const;
  return isNumber ? (
    <input type="number" step="any" {...text} />
  ) : (
    <input type="text" spellcheck={false} {...text} />
  );
}

/** Several values, one in each line. */
function Lines({ node: { items }, value, isRequired, fault, onCommit }: Props) {
  // One alone may be written without a list.
  const lines: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  const areTexts = isRecord(items) && items["type"] === "string";
  // What is not a number stays as it is: the validation says so.
  const read = (line: string) => (areTexts || Number.isNaN(Number(line)) ? line : Number(line));
  const typing = useTyping(lines.join("\n"), (text) => {
    const typed = text.split("\n").flatMap((line) => line.trim() || []);
    onCommit(typed.length > 0 || isRequired ? typed.map(read) : undefined);
  });
  return (
    <textarea
      rows={2}
      spellcheck={false}
      placeholder={isRequired ? "one in each line" : "default; one in each line"}
      aria-invalid={fault !== null}
      {...typing}
    />
  );
}

interface TextEvent {
  readonly currentTarget: { readonly value: string };
}

/** Keeps what is typed until it is committed: the field may be rendered again before, for example when the validation answers. */
function useTyping(value: string, commit: (text: string) => void) {
  const [typed, setTyped] = useState<string | null>(null);
  return {
    value: typed ?? value,
    onInput: ({ currentTarget }: TextEvent) => setTyped(currentTarget.value),
    onChange: ({ currentTarget }: TextEvent) => {
      setTyped(null);
      commit(currentTarget.value);
    },
  };
}
