/**
 * A filter field with suggestions (the ARIA pattern of a combobox with a list). Opens on a click, on an arrow key, or when the viewer
 * types; Enter picks, Escape closes and keeps the value.
 */
import { useId, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import "./picker.css";
import { labelOf, matchesOf, type PickerOption } from "./picker-options.ts";
import { type LoadOptions, useOptions } from "./use-options.ts";

interface Props {
  /** What is filtered by, such as "Route". */
  readonly label: string;
  /** The picked value; "" for none. */
  readonly value: string;
  readonly options: readonly PickerOption[] | LoadOptions;
  /** How the value is shown if no option is known for it; itself by default. */
  readonly valueLabel?: string;
  /** Called with "" when the filter is cleared. */
  readonly onPick: (value: string) => void;
  readonly placeholder?: string;
  /** Whether a text that is not among the options can be picked. */
  readonly allowFree?: boolean;
  readonly maxLength?: number;
}

export function Picker(props: Props) {
  const { label, value, onPick, placeholder = "any", allowFree = false, maxLength = 256 } = props;
  const { valueLabel = value } = props;
  const id = useId();
  // What was typed since the picker was opened; null while it is closed.
  const [text, setText] = useState<string | null>(null);
  const [chosen, setChosen] = useState(0);
  const { options, isLoading } = useOptions(props.options, text);
  const matches = text === null ? [] : withFree(matchesOf(options, text), text, allowFree);
  const current = Math.min(chosen, matches.length - 1);
  const show = (typed: string | null) => {
    setText(typed);
    setChosen(0);
  };
  const pick = (picked: string) => {
    show(null);
    if (picked !== value) onPick(picked);
  };
  const clear = () => {
    // The button disappears, and the focus must not get lost.
    document.getElementById(id)?.focus();
    pick("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (text === null) show("");
      else if (matches.length > 0) setChosen((current + step + matches.length) % matches.length);
    } else if (event.key === "Enter" && text !== null) {
      event.preventDefault();
      const option = matches[current];
      if (option) pick(option.value);
    } else if (event.key === "Escape" && text !== null) {
      event.preventDefault();
      event.stopPropagation();
      show(null);
    }
  };
  const isOpen = text !== null;
  return (
    <div class={value === "" ? "picker" : "picker is-set"}>
      <label for={id}>{label}</label>
      <input
        id={id}
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && current >= 0 ? `${id}-${current}` : undefined}
        autocomplete="off"
        spellcheck={false}
        maxLength={maxLength}
        placeholder={value === "" ? placeholder : labelOf(options, value, valueLabel)}
        value={text ?? labelOf(options, value, valueLabel)}
        onClick={() => !isOpen && show("")}
        onInput={(event) => show(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onBlur={() => show(null)}
      />
      {value !== "" && (
        <button type="button" class="plain" aria-label={`Clear ${label}`} onClick={clear}>
          <Icon name="cross" />
        </button>
      )}
      {isOpen && (
        <ul
          id={`${id}-list`}
          role="listbox"
          aria-label={label}
          // Keeps the focus in the field.
          onMouseDown={(event) => event.preventDefault()}
        >
          {matches.length === 0 && <NoOption isLoading={isLoading} />}
          {matches.map((option, i) => (
            <Option
              key={option.value}
              id={`${id}-${i}`}
              option={option}
              isCurrent={i === current}
              pick={pick}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

function NoOption({ isLoading }: { readonly isLoading: boolean }) {
  return (
    <li role="option" aria-disabled="true" aria-selected="false" class="quiet">
      {isLoading ? "Loading…" : "No match"}
    </li>
  );
}

interface OptionProps {
  readonly id: string;
  readonly option: PickerOption;
  readonly isCurrent: boolean;
  readonly pick: (value: string) => void;
}

function Option({ id, option: { value, label = value, detail }, isCurrent, pick }: OptionProps) {
  const scroll = (item: HTMLLIElement | null) => {
    if (isCurrent) item?.scrollIntoView({ block: "nearest" });
  };
  return (
    <li ref={scroll} id={id} role="option" aria-selected={isCurrent} onClick={() => pick(value)}>
      <span>{label}</span>
      {detail !== undefined && <span class="caption">{detail}</span>}
    </li>
  );
}

/** The matches, and the text itself if it may be picked and is not among them. */
function withFree(
  matches: readonly PickerOption[],
  typed: string,
  allowFree: boolean,
): readonly PickerOption[] {
  const text = typed.trim();
  if (!allowFree || text === "" || matches.some(({ value }) => value === text)) return matches;
  return [...matches, { value: text, label: `“${text}”`, detail: "as typed" }];
}
