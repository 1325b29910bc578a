/** Chooses how often a screen polls, and polls at once. */
import { Icon } from "../kit/icon.tsx";
import { usePage } from "./page.tsx";
import { changed } from "./page-address.ts";
import { REFRESH_CHOICES } from "./refresh.ts";

export function RefreshControl({ onRefresh }: { readonly onRefresh: () => void }) {
  const { address, go } = usePage();
  const { refresh = "" } = address.params;
  return (
    <div class="ranges" role="group" aria-label="Refresh">
      <button type="button" aria-label="Refresh now" title="Refresh now" onClick={onRefresh}>
        <Icon name="refresh" />
      </button>
      <select
        aria-label="Refresh every"
        title="How often the screen refreshes"
        value={refresh}
        onChange={(event) => go(changed(address, { refresh: event.currentTarget.value }), true)}
      >
        {REFRESH_CHOICES.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
    </div>
  );
}
