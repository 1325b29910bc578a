/** The filters of the list of users, kept in the URL. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Picker } from "../kit/picker.tsx";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { RangeControl } from "../shell/range-control.tsx";
import { MAX_SEARCH_LENGTH } from "./users-api.ts";
import { SHOWN, USUAL_RANGE } from "./users-query.ts";

/** After the last key. */
const DEBOUNCE_MS = 250;
const SHOWN_OPTIONS = Object.entries(SHOWN)
  .filter(([value]) => value !== "")
  .map(([value, label]) => ({ value, label }));

/** @param tiers of the policy. */
export function UserFilters({ tiers }: { readonly tiers: readonly string[] }) {
  const { address, go } = usePage();
  const { tier = "", show = "" } = address.params;
  // A cursor belongs to the filters it came with.
  const filter = (change: Readonly<Record<string, string>>) =>
    go(changed(address, { cursor: "", ...change }), true);
  return (
    <div class="filter-bar" role="search" aria-label="Filters">
      <NameFilter onPause={(name) => filter({ name })} />
      <Picker
        label="Tier"
        value={tier}
        options={tiers.map((value) => ({ value }))}
        allowFree
        onPick={(value) => filter({ tier: value })}
      />
      <Picker
        label="Show"
        value={show}
        options={SHOWN_OPTIONS}
        placeholder={SHOWN[""]}
        onPick={(value) => filter({ show: value })}
      />
      <RangeControl clears={["cursor"]} usual={USUAL_RANGE} />
    </div>
  );
}

function NameFilter({ onPause }: { readonly onPause: (text: string) => void }) {
  const { name = "" } = usePage().address.params;
  const [typed, type] = useDebouncedName(name, onPause);
  const id = useId();
  return (
    <div class={name === "" ? "picker search" : "picker search is-set"}>
      <label for={id}>Search</label>
      <input
        id={id}
        type="search"
        placeholder="id or name"
        value={typed}
        maxLength={MAX_SEARCH_LENGTH}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => type(event.currentTarget.value)}
      />
    </div>
  );
}

/** The text as it is typed. Calls `onPause` when the typing pauses, and follows `name` when the URL changes in another way. */
function useDebouncedName(name: string, onPause: (text: string) => void) {
  const [typed, setTyped] = useState(name);
  const published = useRef(name);
  const timer = useRef(0);
  // Another filter may change the URL before the pause.
  const publish = useRef(onPause);
  publish.current = onPause;
  useEffect(() => {
    if (name !== published.current) setTyped(name);
    published.current = name;
  }, [name]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (text: string) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      published.current = text.trim();
      publish.current(published.current);
    }, DEBOUNCE_MS);
  };
  return [typed, type] as const;
}
