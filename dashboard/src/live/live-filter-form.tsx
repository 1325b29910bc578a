/** The filters of the live stream. They are kept in the URL; the form shows and changes them. */
import { OUTCOMES, SOURCES } from "../decisions/decision-guards.ts";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { subjectOf } from "../shell/subject.ts";
import { FILTERS, filtersOf, MAX_FILTER_LENGTH } from "./live-frame.ts";

type Name = (typeof FILTERS)[number];

const CHOICES: readonly {
  readonly name: Name;
  readonly label: string;
  readonly values: readonly string[];
}[] = [
  { name: "outcome", label: "Outcome", values: OUTCOMES },
  { name: "source", label: "Decided by", values: SOURCES },
];
const TEXTS: readonly { readonly name: Name; readonly label: string; readonly hint: string }[] = [
  { name: "account", label: "User or address", hint: "id, or ip:192.0.2.1" },
  { name: "route", label: "Route", hint: "id of the route" },
  { name: "tier", label: "Tier", hint: "free" },
  { name: "reason", label: "Reason", hint: "limit, or ok, …" },
];

export function LiveFilterForm() {
  const { address, go } = usePage();
  const filters = filtersOf(address.params);
  const set = (name: Name, value: string) =>
    go(changed(address, { [name]: name === "account" ? subjectOf(value) : value.trim() }), true);
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
            maxLength={MAX_FILTER_LENGTH}
            autocomplete="off"
            spellcheck={false}
            onChange={(event) => set(name, event.currentTarget.value)}
          />
        </label>
      ))}
      {Object.keys(filters).length > 0 && (
        <button type="button" onClick={() => go(changed(address, none), true)}>
          Clear filters
        </button>
      )}
    </form>
  );
}
