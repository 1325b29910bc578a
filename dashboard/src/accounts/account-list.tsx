/** The accounts, filtered by tier, status and part of the name, page by page. Never loads all of them. */
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { ACCOUNTS, parseAccounts } from "../user/account-api.ts";
import { AccountFilters, DELETED } from "./account-filters.tsx";
import { AccountTable } from "./account-table.tsx";

const ROWS = 50;
const EVERY_MS = 15_000;

export function AccountList() {
  const { address } = usePage();
  const { name = "", tier = "", status = "", cursor = "" } = address.params;
  const statusFilter = status === DELETED ? { deleted: "true" } : { status };
  const given = Object.entries({ name, tier, ...statusFilter, cursor }).filter(([, value]) => value !== "");
  const query = new URLSearchParams([["limit", String(ROWS)], ...given]);
  const polled = usePolled(`${ACCOUNTS}?${query}`, parseAccounts, EVERY_MS);
  const page = polled.value;
  const next = page?.cursor ?? null;
  return (
    <>
      <h1>Users</h1>
      <AccountFilters />
      <PollState polled={polled} />
      {page?.accounts.length === 0 && (
        <p>
          {given.length === 0
            ? "There are no accounts yet. Users with a token need none. To create one, enter an id and open it."
            : "No account matches the filters."}
        </p>
      )}
      {page && page.accounts.length > 0 && <AccountTable accounts={page.accounts} />}
      <p class="pages">
        {cursor !== "" && <Link to={changed(address, { cursor: "" })}>First page</Link>}
        {next !== null && <Link to={changed(address, { cursor: next })}>Next page</Link>}
      </p>
    </>
  );
}
