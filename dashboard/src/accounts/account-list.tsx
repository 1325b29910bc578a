/** The accounts, found by tier, status and part of a name, page by page from the API: never all of them at once. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { isListOf, isMapOf, isNullOr, isOneOf, isShape, isText, parseAs } from "../shell/shape.ts";
import { Time } from "../shell/time.tsx";
import { usePolled } from "../shell/use-polled.ts";

const ROWS = 50;
const EVERY_MS = 15_000;
/** After the last letter typed. */
const TYPING_MS = 250;
const LONGEST_NAME = 200;
const STATUSES = ["active", "blocked"] as const;
/** Listed with the statuses: deleted accounts whose block is still in force. */
const DELETED = "deleted";

const isEntry = isShape({
  id: isText,
  name: isText,
  tier: isText,
  status: isOneOf(...STATUSES),
  updatedAt: isText,
});
const parseAccounts = parseAs(isShape({ accounts: isListOf(isEntry), cursor: isNullOr(isText) }));
const isTiers = isShape({ document: isShape({ tiers: isMapOf(isShape({})) }) });
const parseTiers = parseAs(isTiers);

export function AccountList() {
  const { address, go } = usePage();
  const { name = "", tier = "", status = "", cursor = "" } = address.params;
  const [typed, setTyped] = useState(name);
  const standing = status === DELETED ? { deleted: "true" } : { status };
  const given = Object.entries({ name, tier, ...standing, cursor }).filter(([, value]) => value !== "");
  const query = new URLSearchParams([["limit", String(ROWS)], ...given]);
  const polled = usePolled(`/api/v1/admin/accounts?${query}`, parseAccounts, EVERY_MS);
  const policy = usePolled("/api/v1/admin/policy", parseTiers, EVERY_MS);
  const tiers = Object.keys(policy.value?.document.tiers ?? {});
  // A page of other filters is none of these.
  const filter = (change: Readonly<Record<string, string>>) =>
    go(changed(address, { cursor: "", ...change }), true);
  // The URL may change by other ways than typing.
  const asked = useRef(name);
  const timer = useRef(0);
  useEffect(() => {
    if (name !== asked.current) setTyped(name);
    asked.current = name;
  }, [name]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (text: string) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      asked.current = text.trim();
      filter({ name: asked.current });
    }, TYPING_MS);
  };
  const page = polled.value;
  const next = page?.cursor ?? null;
  const open = typed.trim();
  return (
    <>
      <h1>Users</h1>
      <form
        class="filters"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (open !== "") go({ screen: "user", params: { id: open } });
        }}
      >
        <label>
          Part of id or name
          <input
            type="search"
            value={typed}
            maxLength={LONGEST_NAME}
            autocomplete="off"
            onInput={(event) => type(event.currentTarget.value)}
          />
        </label>
        <label>
          Tier
          <select value={tier} onChange={(event) => filter({ tier: event.currentTarget.value })}>
            <option value="">any</option>
            {[...new Set([...tiers, ...(tier === "" ? [] : [tier])])].map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          Status
          <select value={status} onChange={(event) => filter({ status: event.currentTarget.value })}>
            <option value="">any</option>
            {STATUSES.map((one) => (
              <option key={one}>{one}</option>
            ))}
            <option value={DELETED}>deleted, still blocked</option>
          </select>
        </label>
        <button disabled={open === ""}>Open this very id</button>
      </form>
      <PollState polled={polled} />
      {page?.accounts.length === 0 && (
        <p>
          {given.length === 0
            ? "There are no accounts yet. Users with a token need none; type an id and open it to make one."
            : "No account is like this."}
        </p>
      )}
      {page && page.accounts.length > 0 && (
        <div class="scroll accounts" tabIndex={0} role="region" aria-label="Accounts">
          <table>
            <thead>
              <tr>
                <th scope="col">Id</th>
                <th scope="col">Name</th>
                <th scope="col">Tier</th>
                <th scope="col">Status</th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>
              {page.accounts.map((account) => (
                <tr key={account.id}>
                  <th scope="row">
                    <Link to={{ screen: "user", params: { id: account.id } }}>{account.id}</Link>
                  </th>
                  <td>{account.name}</td>
                  <td>{account.tier}</td>
                  <td>
                    <span class={account.status === "blocked" ? "tag denied" : "tag"}>{account.status}</span>
                  </td>
                  <td>
                    <Time at={account.updatedAt} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="pages">
        {cursor !== "" && <Link to={changed(address, { cursor: "" })}>First page</Link>}
        {next !== null && <Link to={changed(address, { cursor: next })}>Next page</Link>}
      </p>
    </>
  );
}
