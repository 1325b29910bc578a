/** A page of users. The heads of columns sort all users, not only the page. Each figure leads to its decisions. */
import { Badge } from "../kit/badge.tsx";
import { ShareCell } from "../kit/share-cell.tsx";
import { SortHeader, TableScroll } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import type { ListedUser, UserPage } from "../shell/answers.ts";
import { ago, count } from "../shell/format.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed, type PageAddress } from "../shell/page-address.ts";
import { paramsOf } from "../shell/time-range.ts";
import { type Sort, sortOf, usersRange } from "./users-query.ts";

export function UserTable({ page: { users } }: { readonly page: UserPage }) {
  return (
    <TableScroll label="Users">
      <table class="data users">
        <thead>
          <tr>
            <Head by="id">User</Head>
            <th scope="col" class="wide">
              Name
            </th>
            <Head by="cost">Tokens</Head>
            <Head by="requests">Requests</Head>
            <Head by="deniedShare">Denied %</Head>
            <Head by="lastSeen">Last seen</Head>
            <th scope="col">Tier</th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <UserRow key={`${user.kind} ${user.id}`} user={user} />
          ))}
        </tbody>
      </table>
    </TableScroll>
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
          <Figure value={usage.cost} to={behind()} />
          <Figure value={usage.requests} to={behind()} />
          {usage.decided === 0 ? (
            <td class="quiet">–</td>
          ) : (
            <ShareCell
              share={usage.denied / usage.decided}
              tone="denied"
              {...(usage.denied > 0 ? { to: behind({ outcome: "denied" }) } : {})}
            />
          )}
          <td class="num">
            <LastSeen at={usage.lastSeenAt} to={behind()} />
          </td>
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

interface FigureProps {
  readonly value: number;
  /** The decisions behind it. */
  readonly to: PageAddress;
}

function Figure({ value, to }: FigureProps) {
  return (
    <td class="num">{value > 0 ? <Link to={to}>{count(value)}</Link> : <span class="quiet">0</span>}</td>
  );
}

interface LastSeenProps {
  /** Null: not in the range. */
  readonly at: string | null;
  readonly to: PageAddress;
}

function LastSeen({ at, to }: LastSeenProps) {
  if (at === null) return <span class="quiet">not in the range</span>;
  return (
    <Link to={to}>
      {ago(at)}
      <span class="unseen">
        , <When iso={at} />
      </span>
    </Link>
  );
}
