/** The users of a period, the largest first. Every figure leads to its decisions. */
import { Figure, SortHeader, Table } from "../kit/table.tsx";
import { Empty } from "../kit/state.tsx";
import { count, exact, percent } from "../shell/format.ts";
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
    <Table
      label="Top users"
      heads={[
        ["User or address", "name"],
        head("requests", "Requests"),
        head("cost", "Cost"),
        head("denied", "Denied"),
        ["Denied %", "num"],
      ]}
    >
      {rows.map(({ account, requests, cost, denied, decided }) => {
        const all = behind({ account });
        const denials = denied > 0 ? behind({ account, outcome: "denied" }) : null;
        return (
          <tr key={account}>
            <th scope="row" class="name">
              <SubjectLink account={account} />
            </th>
            <Figure to={all}>{count(requests)}</Figure>
            <Figure to={all}>{exact(cost)}</Figure>
            <Figure to={denials}>{count(denied)}</Figure>
            <Figure to={denials}>{percent(denied, decided)}</Figure>
          </tr>
        );
      })}
      {rows.length === 0 && (
        <tr>
          <td colSpan={5}>
            <Empty title={order === "denied" ? "No user was denied" : "No user sent a request"} />
          </td>
        </tr>
      )}
    </Table>
  );
}
