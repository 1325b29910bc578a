/** The filters of the list of users, kept in the URL. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Picker } from "../kit/picker.tsx";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { LENGTHS, paramsOf } from "../shell/time-range.ts";
import { SHOWN, usersRange } from "./users-query.ts";

/** After the last key. */
const DEBOUNCE_MS = 250;
/** As the API limits it. */
const MAX_NAME_LENGTH = 200;
const SHOWN_OPTIONS = Object.entries(SHOWN)
  .filter(([value]) => value !== "")
  .map(([value, label]) => ({ value, label }));

/** @param tiers of the policy. */
export function UserFilters({ tiers }: { readonly tiers: readonly string[] }) {
  const { address, go } = usePage();
  const { tier = "", show = "" } = address.params;
  const range = usersRange(address.params);
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
      <nav class="ranges" aria-label="Time range of the usage">
        {LENGTHS.map((length) => (
          <Link
            key={length.name}
            to={changed(address, { cursor: "", ...paramsOf(length) })}
            isCurrent={range.kind === "last" && range.name === length.name}
          >
            {length.name}
          </Link>
        ))}
      </nav>
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
        maxLength={MAX_NAME_LENGTH}
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
      onPause(published.current);
    }, DEBOUNCE_MS);
  };
  return [typed, type] as const;
}
