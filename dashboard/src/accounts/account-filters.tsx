/** The filters of the account list, kept in the URL, and the way to open a user by id. */
import { useEffect, useRef, useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { usePolled } from "../shell/use-polled.ts";
import { parseTiers, STATUSES } from "../user/account-api.ts";

const EVERY_MS = 15_000;
/** After the last key. */
const DEBOUNCE_MS = 250;
/** As the API limits it. */
const MAX_NAME_LENGTH = 200;
/** An option in addition to the statuses: deleted accounts whose block is still in force. */
export const DELETED = "deleted";

export function AccountFilters() {
  const { address, go } = usePage();
  const { name = "", tier = "", status = "" } = address.params;
  const policy = usePolled("/api/v1/admin/policy", parseTiers, EVERY_MS);
  const tiers = Object.keys(policy.value?.document.tiers ?? {});
  // A cursor belongs to the filters it came with.
  const filter = (change: Readonly<Record<string, string>>) =>
    go(changed(address, { cursor: "", ...change }), true);
  const [typed, type] = useDebouncedName(name, (text) => filter({ name: text }));
  const id = typed.trim();
  return (
    <form
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (id !== "") go({ screen: "user", params: { id } });
      }}
    >
      <label>
        Part of id or name
        <input
          type="search"
          value={typed}
          maxLength={MAX_NAME_LENGTH}
          autocomplete="off"
          onInput={(event) => type(event.currentTarget.value)}
        />
      </label>
      <label>
        Tier
        <select value={tier} onChange={(event) => filter({ tier: event.currentTarget.value })}>
          <option value="">any</option>
          {[...new Set([...tiers, ...(tier === "" ? [] : [tier])])].map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label>
        Status
        <select value={status} onChange={(event) => filter({ status: event.currentTarget.value })}>
          <option value="">any</option>
          {Object.keys(STATUSES).map((one) => (
            <option key={one}>{one}</option>
          ))}
          <option value={DELETED}>deleted, still blocked</option>
        </select>
      </label>
      <button disabled={id === ""}>Open this id</button>
    </form>
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
