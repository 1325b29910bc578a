/** Tables of a simulation: tiers, routes and users, each with the same columns, and links to the recorded decisions behind a row. */
import type { ComponentChildren } from "preact";
import { Figure, Table } from "../kit/table.tsx";
import { count, percent } from "../shell/format.ts";
import type { PageAddress } from "../shell/page-address.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import { type AccountRow, type Comparison, type RouteRow, signed, type TierRow } from "./simulation.ts";

/** The period of the simulation, ISO 8601: links to decisions show the same. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

interface TableProps<Row> {
  readonly rows: readonly Row[];
  readonly period: Period;
}

/** What each column says; shown when the pointer rests on its head, and in the notes below the tables. */
export const COLUMNS = {
  change: "Change: how many more this policy denies than the one in force.",
  hurt: "Users hurt: at least one of their requests is allowed now and would be denied.",
  before: "Denied now: by the policy in force, starting with full limits.",
  after: "Denied after: by this policy, starting with full limits.",
  requests: "Requests: all recorded requests of the row that were replayed.",
} as const;

export function TierTable({ rows, period }: TableProps<TierRow>) {
  return (
    <ComparisonTable
      name="Tier"
      label="Tiers, before and after"
      rows={rows.map((row) => ({
        ...row,
        key: row.tier,
        title: row.tier,
        accounts: row.changedAccounts.denied,
        filter: { tier: row.tier },
      }))}
      period={period}
    />
  );
}

export function RouteTable({ rows, period }: TableProps<RouteRow>) {
  return (
    <ComparisonTable
      name="Route"
      label="Routes, before and after"
      rows={rows.map((row) => ({
        ...row,
        key: row.route,
        title: row.route || "no route",
        accounts: row.changedAccounts.denied,
        filter: row.route === "" ? undefined : { route: row.route },
      }))}
      period={period}
    />
  );
}

interface TableRow extends Comparison {
  readonly key: string;
  readonly title: ComponentChildren;
  readonly accounts: number;
  /** For the decision log; undefined for what no filter names. */
  readonly filter: Readonly<Record<string, string>> | undefined;
}

interface ComparisonTableProps {
  readonly name: string;
  readonly label: string;
  readonly rows: readonly TableRow[];
  readonly period: Period;
}

function ComparisonTable({ name, label, rows, period }: ComparisonTableProps) {
  return (
    <Table
      label={label}
      heads={[
        [name, "name"],
        ["Change", "num", COLUMNS.change],
        ["Users hurt", "num", COLUMNS.hurt],
        ["Denied now", "num", COLUMNS.before],
        ["Denied after", "num", COLUMNS.after],
        ["Requests", "num", COLUMNS.requests],
      ]}
    >
      {rows.map(({ key, title, requests, deniedBefore, deniedAfter, accounts, filter }) => {
        const to = filter && decisionsOf(filter, period);
        const change = deniedAfter - deniedBefore;
        return (
          <tr key={key}>
            <th scope="row" class="name">
              {title}
            </th>
            <Figure
              to={change === 0 ? null : to}
              tone={change === 0 ? undefined : change > 0 ? "denied" : "allowed"}
            >
              {signed(change)}
            </Figure>
            <Figure to={accounts === 0 ? null : to}>{count(accounts)}</Figure>
            <Figure
              to={deniedBefore === 0 ? null : filter && decisionsOf({ ...filter, outcome: "denied" }, period)}
            >
              {deniedText(deniedBefore, requests)}
            </Figure>
            <Figure to={deniedAfter === 0 ? null : to}>{deniedText(deniedAfter, requests)}</Figure>
            <Figure to={to}>{count(requests)}</Figure>
          </tr>
        );
      })}
    </Table>
  );
}

interface UserTableProps extends TableProps<AccountRow> {
  /** Which requests of theirs are meant. */
  readonly side: "newlyDenied" | "newlyAllowed";
  readonly label: string;
}

export function UserTable({ rows, period, side, label }: UserTableProps) {
  return (
    <Table
      label={label}
      heads={[
        ["User", "name"],
        [
          side === "newlyDenied" ? "Newly denied" : "Newly allowed",
          "num",
          "Requests that only one of the policies allows.",
        ],
        ["Of all", "num", COLUMNS.requests],
        "Tier",
        "Routes",
      ]}
    >
      {rows.map(({ account, tier, routes, requests, [side]: changed }) => {
        const to = decisionsOf({ account, tier }, period);
        return (
          <tr key={`${account} ${tier}`}>
            <th scope="row" class="name">
              <SubjectLink account={account} />
            </th>
            <Figure to={to} tone={side === "newlyDenied" ? "denied" : "allowed"}>
              {count(changed)}
            </Figure>
            <Figure to={to}>
              {count(requests)} ({percent(changed, requests)})
            </Figure>
            <td>{tier}</td>
            <td>{routes.map((route) => route || "no route").join(", ")}</td>
          </tr>
        );
      })}
    </Table>
  );
}

function deniedText(denied: number, requests: number): string {
  return denied === 0 ? "0" : `${count(denied)} (${percent(denied, requests)})`;
}

/** The recorded decisions behind a figure. */
function decisionsOf(filter: Readonly<Record<string, string>>, period: Period): PageAddress {
  return { screen: "decisions", params: { ...filter, ...period } };
}
