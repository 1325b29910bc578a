/** A page of users. The heads of columns sort all users, not only the page. Each figure leads to its decisions. */
import { Badge } from "../kit/badge.tsx";
import { ShareCell } from "../kit/share-cell.tsx";
import { Figure, SortHeader, Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import type { ListedUser, UserPage } from "../shell/answers.ts";
import { ago, count } from "../shell/format.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed, type PageAddress } from "../shell/page-address.ts";
import { paramsOf } from "../shell/time-range.ts";
import { type Sort, sortOf, usersRange } from "./users-query.ts";

export function UserTable({ page: { users } }: { readonly page: UserPage }) {
  return (
    <Table
      label="Users"
      kind="users"
      heads={[
        <Head by="id">User</Head>,
        ["Name", "wide"],
        <Head by="cost">Tokens</Head>,
        <Head by="requests">Requests</Head>,
        <Head by="deniedShare">Denied %</Head>,
        <Head by="lastSeen">Last seen</Head>,
        "Tier",
        "Status",
      ]}
    >
      {users.map((user) => (
        <UserRow key={`${user.kind} ${user.id}`} user={user} />
      ))}
    </Table>
  );
}

function Head({ by, children }: { readonly by: Sort; readonly children: string }) {
  const { address, go } = usePage();
  const isCurrent = sortOf(address.params) === by;
  return (
    <SortHeader
      isNumber={by !== "id" && by !== "deniedShare"}
      order={isCurrent ? (by === "id" ? "ascending" : "descending") : null}
      onSort={() => go(changed(address, { sort: by, cursor: "" }), true)}
    >
      {children}
    </SortHeader>
  );
}

function UserRow({ user }: { readonly user: ListedUser }) {
  const { params } = usePage().address;
  const { id, kind, account, usage } = user;
  const range = paramsOf(usersRange(params));
  const subject = kind === "address" ? `ip:${id}` : `user:${id}`;
  const to: PageAddress = {
    screen: "user",
    params: { ...(kind === "address" ? { subject } : { id }), ...range },
  };
  const behind = (more: Readonly<Record<string, string>> = {}): PageAddress => ({
    screen: "decisions",
    params: { account: subject, ...range, ...more },
  });
  return (
    <tr>
      <th scope="row" class="name">
        <Link to={to}>{id}</Link>
      </th>
      <td class="name quiet wide">
        <bdi>{account?.name}</bdi>
      </td>
      {usage === null ? (
        <td class="num quiet" colSpan={4}>
          not ranked
        </td>
      ) : (
        <>
          <Figure to={usage.cost > 0 ? behind() : null}>{count(usage.cost)}</Figure>
          <Figure to={usage.requests > 0 ? behind() : null}>{count(usage.requests)}</Figure>
          {usage.decided === 0 ? (
            <td class="quiet">–</td>
          ) : (
            <ShareCell
              share={usage.denied / usage.decided}
              tone="denied"
              {...(usage.denied > 0 ? { to: behind({ outcome: "denied" }) } : {})}
            />
          )}
          <LastSeen at={usage.lastSeenAt} to={behind()} />
        </>
      )}
      <td>
        <Tier user={user} />
      </td>
      <td>
        <Status user={user} />
      </td>
    </tr>
  );
}

function Tier({ user: { account } }: { readonly user: ListedUser }) {
  if (!account) return <span class="quiet">–</span>;
  if (!account.orphaned) return <>{account.tier}</>;
  return <Badge tone="warning">{account.tier} is gone</Badge>;
}

function Status({ user: { kind, status, account } }: { readonly user: ListedUser }) {
  if (status === "blocked") return <Badge tone="denied">blocked</Badge>;
  // Not green while something about the account is wrong.
  if (account) return <Badge tone={account.orphaned ? "neutral" : "allowed"}>active</Badge>;
  return <Badge tone="neutral">{kind === "address" ? "no credential" : "no account"}</Badge>;
}

interface LastSeenProps {
  /** Null: not in the range. */
  readonly at: string | null;
  readonly to: PageAddress;
}

function LastSeen({ at, to }: LastSeenProps) {
  if (at === null) return <Figure to={null}>not in the range</Figure>;
  return (
    <Figure to={to}>
      {ago(at)}
      <span class="unseen">
        , <When iso={at} />
      </span>
    </Figure>
  );
}
