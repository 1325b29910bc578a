/** The options of a picker that match what was typed. Pure. */

export interface PickerOption {
  readonly value: string;
  /** Shown in the place of the value. */
  readonly label?: string;
  /** Beside the label: what the option is, or how much there is of it. */
  readonly detail?: string;
}

/** More would not be read: type to narrow. */
const MAX_SHOWN = 50;

/** The one that is the text, those that begin with it, then those that contain it; in their order otherwise. Ignores case. All of them for "". */
export function matchesOf(options: readonly PickerOption[], typed: string): readonly PickerOption[] {
  const text = typed.trim().toLowerCase();
  const found = options.flatMap((option) => {
    const names = [option.label ?? option.value, option.value].map((name) => name.toLowerCase());
    if (names.includes(text)) return [{ option, rank: -1 }];
    if (names.some((name) => name.startsWith(text))) return [{ option, rank: 0 }];
    return names.some((name) => name.includes(text)) ? [{ option, rank: 1 }] : [];
  });
  return found
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, MAX_SHOWN)
    .map(({ option }) => option);
}

/** How an option is shown; `otherwise` if it is not among the options. */
export function labelOf(options: readonly PickerOption[], value: string, otherwise = value): string {
  return options.find((option) => option.value === value)?.label ?? otherwise;
}
