/** The filters of the overview, kept in the URL. */
import { useMemo } from "preact/hooks";
import { Picker } from "../kit/picker.tsx";
import { routeOptions, tierOptions } from "../shell/filter-options.ts";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { rangeOf } from "../shell/time-range.ts";

export function OverviewFilters() {
  const { address, go } = usePage();
  const { route = "", tier = "" } = address.params;
  const pick = (name: "route" | "tier") => (value: string) => go(changed(address, { [name]: value }));
  const options = useMemo(() => {
    const range = rangeOf(address.params);
    return { route: routeOptions(range), tier: tierOptions(range) };
  }, [address]);
  return (
    <div class="filter-bar" role="search" aria-label="Filters">
      <Picker label="Route" value={route} options={options.route} onPick={pick("route")} />
      <Picker label="Tier" value={tier} options={options.tier} onPick={pick("tier")} />
    </div>
  );
}
