/** The filters of the overview, kept in the URL. */
import { useMemo } from "preact/hooks";
import { Picker } from "../kit/picker.tsx";
import { valueOptions, valuesPath } from "../shell/filter-options.ts";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { rangeOf } from "../shell/time-range.ts";

export function OverviewFilters() {
  const { address, go } = usePage();
  const { route = "", tier = "" } = address.params;
  const pick = (name: "route" | "tier") => (value: string) => go(changed(address, { [name]: value }));
  const options = useMemo(() => {
    const range = rangeOf(address.params);
    return {
      route: valueOptions(valuesPath("route", range, tier === "" ? {} : { tier })),
      tier: valueOptions(valuesPath("tier", range, route === "" ? {} : { route })),
    };
  }, [address]);
  return (
    <div class="filter-bar" role="search" aria-label="Filters">
      <Picker label="Route" value={route} options={options.route} onPick={pick("route")} />
      <Picker label="Tier" value={tier} options={options.tier} onPick={pick("tier")} />
    </div>
  );
}
