/** The filters of the decision log. They are kept in the URL; each suggests what the decisions in the range have. */
import { useRef, useState } from "preact/hooks";
import type { PickerOption } from "../kit/picker-options.ts";
import { Picker } from "../kit/picker.tsx";
import type { Report } from "../shell/answers.ts";
import { call } from "../shell/api-client.ts";
import { pathAt } from "../shell/moving-path.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { subjectOf } from "../shell/subject.ts";
import { paramsOf, rangeOf } from "../shell/time-range.ts";
import { parseValues } from "./decision-guards.ts";
import { labelOf, optionsOf } from "./filter-options.ts";
import { FILTERS, hasFilters, type LogFilter, valuesPath } from "./log-query.ts";

const TITLES: Readonly<Record<LogFilter, string>> = {
  account: "User",
  route: "Route",
  tier: "Tier",
  outcome: "Outcome",
  reason: "Limit or reason",
  method: "Method",
  upstreamStatus: "Upstream",
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
  const loaded = useRef<{ path: string; answer: ReturnType<typeof loadValues> } | null>(null);
  /** Loads the values when a filter opens, and not again as the viewer types. */
  const load = async (by: LogFilter, typed: string): Promise<readonly PickerOption[]> => {
    const path = valuesPath(params, by);
    if (typed === "" || loaded.current?.path !== path) loaded.current = { path, answer: loadValues(path) };
    const report = await loaded.current.answer;
    return report === null ? [] : optionsOf(report);
  };
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
            options={(typed) => load(name, typed)}
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

async function loadValues(path: string): Promise<Report<"values"> | null> {
  const answer = await call("GET", pathAt(path, Date.now()), parseValues);
  return answer.kind === "ok" ? answer.value : null;
}
