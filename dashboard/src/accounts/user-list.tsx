/**
 * The users: accounts, and users without one who have traffic, with their usage in a range. Sorted and filtered by the API over all of
 * them; a page at a time.
 */
import { useState } from "preact/hooks";
import { Icon } from "../kit/icon.tsx";
import { Empty } from "../kit/state.tsx";
import type { UserPage } from "../shell/answers.ts";
import { exact } from "../shell/format.ts";
import { usePage } from "../shell/page.tsx";
import { Pages } from "../shell/pages.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { includesRole } from "../shell/session.ts";
import { titleOf } from "../shell/time-range.ts";
import { usePolled } from "../shell/use-polled.ts";
import { parseTiers } from "../user/account-api.ts";
import { CreateDialog } from "../user/create-dialog.tsx";
import type { MakeChange } from "../user/use-user.ts";
import { ActionButton, NEEDS_OPERATOR } from "../user/user-actions.tsx";
import { UserFilters } from "./user-filters.tsx";
import { UserTable } from "./user-table.tsx";
import { parseUsers } from "./users-api.ts";
import { boundText, hasFilters, usersPath, usersRange } from "./users-query.ts";
import "./accounts.css";

/** A page of 50 users costs the hub one report. */
const EVERY_MS = 15_000;
const SLOW_MS = 60_000;

export function UserList() {
  const { address, role } = usePage();
  const { params } = address;
  const polled = usePolled(usersPath(params), parseUsers, EVERY_MS);
  const policy = usePolled("/api/v1/admin/policy", parseTiers, SLOW_MS);
  const [isCreating, setCreating] = useState(false);
  const page = polled.value;
  const makeChange: MakeChange = async (change) => {
    const outcome = await change;
    if (outcome.kind === "ok") polled.refresh();
    return outcome;
  };
  const create = (
    <ActionButton
      prevented={includesRole(role, "operator") ? undefined : NEEDS_OPERATOR}
      verb="Create account"
      icon="plus"
      onClick={() => setCreating(true)}
    />
  );
  return (
    <>
      <header class="heading">
        <h1>Users</h1>
        {create}
      </header>
      <UserFilters tiers={Object.keys(policy.value?.document.tiers ?? {})} />
      <PollState polled={polled} rows={10} />
      {page && <Summary page={page} />}
      {page?.users.length === 0 && (
        <div class="card">
          <Nobody isFiltered={hasFilters(params)} />
        </div>
      )}
      {page && page.users.length > 0 && (
        <div class="card">
          <UserTable page={page} />
        </div>
      )}
      <Pages next={page?.cursor ?? null} />
      {isCreating && (
        <CreateDialog
          id={null}
          policy={policy.value}
          makeChange={makeChange}
          onClose={() => setCreating(false)}
        />
      )}
    </>
  );
}

/** How many users have traffic, and what the list leaves out. */
function Summary({ page }: { readonly page: UserPage }) {
  const { params } = usePage().address;
  const isAddresses = params["show"] === "address";
  const bound = boundText(page, isAddresses);
  const { usage } = page;
  return (
    <>
      {bound !== null && (
        <p class="note" data-tone="warning">
          <Icon name="warning" /> {bound}
        </p>
      )}
      {usage && bound === null && (
        <p class="caption">
          {exact(usage.ranked)} {isAddresses ? "addresses" : "users"} with requests{" "}
          {titleOf(usersRange(params))}
          {usage.sampled && " · figures are estimates from samples"}
          {usage.backend === "embedded" && " · analytics keeps one day"}
        </p>
      )}
    </>
  );
}

function Nobody({ isFiltered }: { readonly isFiltered: boolean }) {
  return isFiltered ? (
    <Empty title="No user matches the filters" hint="Clear a filter, or choose a longer range." />
  ) : (
    <Empty
      title="There are no users yet"
      hint="Users with a token need no account: they are listed with their first request. Create an account to issue a key."
    />
  );
}
