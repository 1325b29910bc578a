/** The filters of the live stream, kept in the URL. They suggest what was seen in the last hour; any other value can be typed. */
import { OUTCOME_TITLES, SOURCE_NAMES } from "../decisions/decision-guards.ts";
import type { PickerOption } from "../kit/picker-options.ts";
import { Picker } from "../kit/picker.tsx";
import type { LoadOptions } from "../kit/use-options.ts";
import { labelOf, valueOptions, valuesPath } from "../shell/filter-options.ts";
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

const SHOWN: readonly Filter[] = [
  suggested("account", "User"),
  suggested("route", "Route"),
  suggested("tier", "Tier"),
  chosen("outcome", "Outcome", OUTCOME_TITLES),
  suggested("reason", "Limit or reason"),
  chosen("source", "Decided by", SOURCE_NAMES),
];

/** A filter by what was seen in the last hour, or by any other value. */
function suggested(name: Filter["name"], label: string): Filter {
  const options = valueOptions(valuesPath(name, rangeOf({ range: "1h" })));
  return { name, label, options, isFree: true };
}

/** A filter by one of a few values. */
function chosen(name: Filter["name"], label: string, titles: Readonly<Record<string, string>>): Filter {
  const options = Object.entries(titles).map(([value, title]) => ({ value, label: title }));
  return { name, label, options, isFree: false };
}

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
          valueLabel={labelOf(name, filters[name] ?? "")}
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
