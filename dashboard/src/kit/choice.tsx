/** A field for one of a few values, with its label. */
import type { ComponentChildren } from "preact";

interface Props {
  readonly label: ComponentChildren;
  /** Values, or values with their titles. */
  readonly options: readonly (string | number | readonly [value: string | number, title: string])[];
  /** In a form that reads its fields when it is sent. */
  readonly name?: string;
  /** What a field of a form begins with. */
  readonly first?: string | number;
  /** What is chosen, if the caller keeps it; `onPick` is called with another value. */
  readonly value?: string | number;
  readonly onPick?: (value: string) => void;
  /** Explains it, below the field. */
  readonly children?: ComponentChildren;
}

export function Choice({ label, options, name, first, value, onPick, children }: Props) {
  return (
    <label>
      {label}
      <select name={name} value={value} onChange={(event) => onPick?.(event.currentTarget.value)}>
        {options.map((option) => {
          const [of, title] = Array.isArray(option) ? option : [option, option];
          return (
            <option key={of} value={of} selected={first === undefined ? undefined : of === first}>
              {title}
            </option>
          );
        })}
      </select>
      {children}
    </label>
  );
}
