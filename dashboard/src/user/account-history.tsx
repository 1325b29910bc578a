/** The audit trail of an account, page by page. Deleted accounts keep theirs. */
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { accountPath, parseAudit } from "./account-api.ts";
import { AuditTable } from "./account-tables.tsx";

const ROWS = 10;
const EVERY_MS = 15_000;

export function AccountHistory({ id }: { readonly id: string }) {
  const { address } = usePage();
  const { audit: cursor = "" } = address.params;
  const query = new URLSearchParams({ limit: String(ROWS), ...(cursor === "" ? {} : { cursor }) });
  const polled = usePolled(`${accountPath(id)}/audit?${query}`, parseAudit, EVERY_MS);
  // There never was an account with this id.
  if (polled.status === 404) return null;
  const page = polled.value;
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      <PollState polled={polled} />
      {page && <AuditTable entries={page.entries} />}
      {page && (
        <p class="pages">
          {cursor !== "" && <Link to={changed(address, { audit: "" })}>Newest</Link>}
          {page.cursor !== null && <Link to={changed(address, { audit: page.cursor })}>Older</Link>}
        </p>
      )}
    </section>
  );
}
