/** The users of a period, the largest first. Every figure leads to its decisions. */
import { SortHeader, TableScroll } from "../kit/table.tsx";
import { Empty } from "../kit/state.tsx";
import { count, exact, percent } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import type { PageAddress } from "../shell/page-address.ts";
import type { LogFilters } from "../shell/decision-log.ts";
import type { UserRanking } from "../shell/rankings.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import type { UserOrder } from "./use-overview.ts";

/** The decisions behind a figure: those of the screen's range and filters, narrowed. */
export type Behind = (narrower: LogFilters) => PageAddress;

interface UsersProps {
  readonly ranking: UserRanking;
  readonly order: UserOrder;
  readonly onOrder: (order: UserOrder) => void;
  readonly behind: Behind;
}

export function TopUsers({ ranking: { users }, order, onOrder, behind }: UsersProps) {
  const rows = order === "denied" ? users.filter(({ denied }) => denied > 0) : users;
  const head = (name: UserOrder, title: string) => (
    <SortHeader isNumber order={order === name ? "descending" : null} onSort={() => onOrder(name)}>
      {title}
    </SortHeader>
  );
  return (
    <TableScroll label="Top users">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">User or address</th>
            {head("requests", "Requests")}
            {head("cost", "Cost")}
            {head("denied", "Denied")}
            <th scope="col" class="num">
              Denied %
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ account, requests, cost, denied, decided }) => (
            <tr key={account}>
              <th scope="row" class="name">
                <SubjectLink account={account} />
              </th>
              <td class="num">
                <Link to={behind({ account })}>{count(requests)}</Link>
              </td>
              <td class="num">{exact(cost)}</td>
              <td class="num">
                {denied > 0 ? <Link to={behind({ account, outcome: "denied" })}>{count(denied)}</Link> : "0"}
              </td>
              <td class="num">{percent(denied, decided)}</td>
            </tr>
          ))}
          {rows.length === 0 && (
            <tr>
              <td colSpan={5}>
                <Empty title="No user was denied" />
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </TableScroll>
  );
}
