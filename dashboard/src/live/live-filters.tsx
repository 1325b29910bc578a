/** The filters of the live stream, kept in the URL. They suggest what was seen in the last hour; any other value can be typed. */
import { OUTCOME_TITLES, SOURCES } from "../decisions/decision-guards.ts";
import type { LoadOptions } from "../kit/use-options.ts";
import type { PickerOption } from "../kit/picker-options.ts";
import { Picker } from "../kit/picker.tsx";
import { reasonOptions, routeOptions, tierOptions, userOptions } from "../shell/filter-options.ts";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { subjectOf } from "../shell/subject.ts";
import { rangeOf } from "../shell/time-range.ts";
import { FILTERS, filtersOf, MAX_FILTER_LENGTH } from "./live-frame.ts";

interface Filter {
  readonly name: (typeof FILTERS)[number];
  readonly label: string;
  readonly options: readonly PickerOption[] | LoadOptions;
  /** Whether other values than the suggested ones make sense. */
  readonly isFree: boolean;
}

const LAST_HOUR = rangeOf({ range: "1h" });

const SHOWN: readonly Filter[] = [
  { name: "account", label: "User", options: userOptions(LAST_HOUR), isFree: true },
  { name: "route", label: "Route", options: routeOptions(LAST_HOUR), isFree: true },
  { name: "tier", label: "Tier", options: tierOptions(LAST_HOUR), isFree: true },
  {
    name: "outcome",
    label: "Outcome",
    options: Object.entries(OUTCOME_TITLES).map(([value, label]) => ({ value, label })),
    isFree: false,
  },
  { name: "reason", label: "Reason", options: reasonOptions(LAST_HOUR), isFree: true },
  { name: "source", label: "Decided by", options: SOURCES.map((value) => ({ value })), isFree: false },
];

export function LiveFilters() {
  const { address, go } = usePage();
  const filters = filtersOf(address.params);
  const none = Object.fromEntries(FILTERS.map((name) => [name, ""]));
  return (
    <div class="filter-bar" role="search" aria-label="Filters">
      {SHOWN.map(({ name, label, options, isFree }) => (
        <Picker
          key={name}
          label={label}
          value={filters[name] ?? ""}
          options={options}
          allowFree={isFree}
          maxLength={MAX_FILTER_LENGTH}
          onPick={(value) =>
            go(changed(address, { [name]: name === "account" ? subjectOf(value) : value }), true)
          }
        />
      ))}
      {Object.keys(filters).length > 0 && (
        <button type="button" onClick={() => go(changed(address, none), true)}>
          Clear filters
        </button>
      )}
    </div>
  );
}
