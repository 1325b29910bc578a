/** The filters of the decision log. They are kept in the URL; each suggests what the decisions in the range have. */
import { useMemo, useState } from "preact/hooks";
import { Picker } from "../kit/picker.tsx";
import { labelOf, valueOptions } from "../shell/filter-options.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { subjectOf } from "../shell/subject.ts";
import { paramsOf, rangeOf } from "../shell/time-range.ts";
import { FILTERS, hasFilters, type LogFilter, valuesOf } from "./log-query.ts";

const TITLES: Readonly<Record<LogFilter, string>> = {
  account: "User",
  route: "Route",
  tier: "Tier",
  outcome: "Outcome",
  reason: "Limit or reason",
  method: "Method",
  upstreamStatus: "Upstream",
  shadowed: "Would deny",
  source: "Decided by",
  keyId: "Key",
};
/** As the API limits it. */
const MAX_FILTER_LENGTH = 512;
const NARROW = "(max-width: 40rem)";

export function LogFilters() {
  const { address, go } = usePage();
  const { params } = address;
  const [isWide] = useState(() => !matchMedia(NARROW).matches);
  const set = FILTERS.filter((name) => (params[name] ?? "") !== "").length;
  const options = useMemo(
    () => new Map(FILTERS.map((name) => [name, valueOptions(valuesOf(params, name))])),
    [params],
  );
  const pick = (name: LogFilter, value: string) => {
    const wanted = name === "account" ? subjectOf(value) : value;
    // A cursor belongs to the filters it came with.
    go(changed(address, { cursor: "", [name]: wanted }));
  };
  return (
    <details class="log-filters" open={isWide}>
      <summary>Filters{set > 0 ? ` (${set} set)` : ""}</summary>
      <div class="filter-bar" role="search" aria-label="Filters">
        {FILTERS.map((name) => (
          <Picker
            key={name}
            label={TITLES[name]}
            value={params[name] ?? ""}
            valueLabel={labelOf(name, params[name] ?? "")}
            options={options.get(name) ?? []}
            onPick={(value) => pick(name, value)}
            allowFree={name === "account" || name === "keyId"}
            maxLength={MAX_FILTER_LENGTH}
          />
        ))}
        {hasFilters(params) && (
          <Link to={{ ...address, params: paramsOf(rangeOf(params)) }}>Clear filters</Link>
        )}
      </div>
    </details>
  );
}
