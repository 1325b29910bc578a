/** The filters of the live stream. They are in the URL; the form only shows and changes it. */
import { OUTCOMES } from "../decisions/decision.ts";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { FILTERS, filtersOf } from "./live-frame.ts";

type Name = (typeof FILTERS)[number];

const CHOICES: readonly {
  readonly name: Name;
  readonly label: string;
  readonly values: readonly string[];
}[] = [
  { name: "outcome", label: "Outcome", values: OUTCOMES },
  { name: "source", label: "Decided by", values: ["strict", "lease", "deny-cache", "fallback", "none"] },
];
const TEXTS: readonly { readonly name: Name; readonly label: string; readonly hint: string }[] = [
  { name: "account", label: "User or address", hint: "an id, or ip:192.0.2.1" },
  { name: "route", label: "Route", hint: "its id" },
  { name: "tier", label: "Tier", hint: "free" },
  { name: "reason", label: "Reason", hint: "a limit's name, ok, …" },
];
const LONGEST = 256;

export function LiveFilterForm() {
  const { address, go } = usePage();
  const filters = filtersOf(address.params);
  const set = (name: Name, value: string) =>
    go(changed(address, { [name]: name === "account" ? toAccount(value) : value.trim() }), true);
  const none = Object.fromEntries(FILTERS.map((name) => [name, ""]));
  return (
    <form class="live-filters" onSubmit={(event) => event.preventDefault()} aria-label="Filters">
      {CHOICES.map(({ name, label, values }) => (
        <label key={name}>
          {label}
          <select value={filters[name] ?? ""} onChange={(event) => set(name, event.currentTarget.value)}>
            <option value="">any</option>
            {values.map((value) => (
              <option key={value}>{value}</option>
            ))}
          </select>
        </label>
      ))}
      {TEXTS.map(({ name, label, hint }) => (
        <label key={name}>
          {label}
          <input
            value={filters[name] ?? ""}
            placeholder={hint}
            maxLength={LONGEST}
            autocomplete="off"
            spellcheck={false}
            onChange={(event) => set(name, event.currentTarget.value)}
          />
        </label>
      ))}
      {Object.keys(filters).length > 0 && (
        <button type="button" onClick={() => go(changed(address, none), true)}>
          All decisions
        </button>
      )}
    </form>
  );
}

/** What analytics calls a user or an address. */
export function toAccount(text: string): string {
  const trimmed = text.trim();
  return trimmed === "" || /^(user|ip):/.test(trimmed) ? trimmed : `user:${trimmed}`;
}
