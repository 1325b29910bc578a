/** The options of a picker: given, or loaded when it opens and as the viewer types. Late answers to earlier texts are dropped. */
import { useEffect, useState } from "preact/hooks";
import type { PickerOption } from "./picker-options.ts";

/** Loads the options for a text, "" when the picker opens. Should return an empty list rather than reject. */
export type LoadOptions = (text: string) => Promise<readonly PickerOption[]>;

/** After the last key. */
const DEBOUNCE_MS = 150;

/** @param text what was typed; null while the picker is closed. */
export function useOptions(
  options: readonly PickerOption[] | LoadOptions,
  text: string | null,
): { readonly options: readonly PickerOption[]; readonly isLoading: boolean } {
  const [loaded, setLoaded] = useState<readonly PickerOption[]>([]);
  const [isLoading, setLoading] = useState(false);
  const isGiven = typeof options !== "function";
  useEffect(() => {
    if (isGiven || text === null) return;
    let isCurrent = true;
    setLoading(true);
    const show = (found: readonly PickerOption[]) => {
      if (!isCurrent) return;
      setLoaded(found);
      setLoading(false);
    };
    const load = () => void options(text.trim()).then(show, () => show([]));
    const timer = window.setTimeout(load, text === "" ? 0 : DEBOUNCE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [text, isGiven]);
  return isGiven ? { options, isLoading: false } : { options: loaded, isLoading };
}
