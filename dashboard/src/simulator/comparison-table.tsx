/** Tables of a simulation: tiers, routes and users, each with the same columns, and links to the recorded decisions behind a row. */
import type { ComponentChildren } from "preact";
import { TableScroll } from "../kit/table.tsx";
import { count, percent } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
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
  change: "Change: how many more requests this policy denies than the policy in force.",
  hurt: "Users hurt: users with at least one request that is allowed now and would be denied.",
  before: "Denied now: how many requests the policy in force denies, starting with full limits.",
  after: "Denied after: how many requests this policy denies, starting with full limits.",
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
        filter: { route: row.route },
      }))}
      period={period}
    />
  );
}

interface TableRow extends Comparison {
  readonly key: string;
  readonly title: ComponentChildren;
  readonly accounts: number;
  /** For the decision log. */
  readonly filter: Readonly<Record<string, string>>;
}

interface ComparisonTableProps {
  readonly name: string;
  readonly label: string;
  readonly rows: readonly TableRow[];
  readonly period: Period;
}

function ComparisonTable({ name, label, rows, period }: ComparisonTableProps) {
  return (
    <TableScroll label={label}>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">{name}</th>
            <NumberHead title={COLUMNS.change}>Change</NumberHead>
            <NumberHead title={COLUMNS.hurt}>Users hurt</NumberHead>
            <NumberHead title={COLUMNS.before}>Denied now</NumberHead>
            <NumberHead title={COLUMNS.after}>Denied after</NumberHead>
            <NumberHead title={COLUMNS.requests}>Requests</NumberHead>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, title, requests, deniedBefore, deniedAfter, accounts, filter }) => (
            <tr key={key}>
              <th scope="row" class="name">
                {title}
              </th>
              <td class={`num ${changeClass(deniedAfter - deniedBefore)}`}>
                {signed(deniedAfter - deniedBefore)}
              </td>
              <td class="num">{count(accounts)}</td>
              <td class="num">{deniedText(deniedBefore, requests)}</td>
              <td class="num">{deniedText(deniedAfter, requests)}</td>
              <td class="num">
                <Link to={{ screen: "decisions", params: { ...filter, ...period } }}>{count(requests)}</Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}

interface UserTableProps extends TableProps<AccountRow> {
  /** Which requests of theirs are meant. */
  readonly side: "newlyDenied" | "newlyAllowed";
  readonly label: string;
}

export function UserTable({ rows, period, side, label }: UserTableProps) {
  return (
    <TableScroll label={label}>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">User</th>
            <NumberHead title="Requests that only one of the policies allows.">
              {side === "newlyDenied" ? "Newly denied" : "Newly allowed"}
            </NumberHead>
            <NumberHead title={COLUMNS.requests}>Of all</NumberHead>
            <th scope="col">Tier</th>
            <th scope="col">Routes</th>
            <th scope="col">
              <span class="unseen">Decisions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.account} ${row.tier}`}>
              <th scope="row" class="name">
                <SubjectLink account={row.account} />
              </th>
              <td class={`num ${side === "newlyDenied" ? "worse" : "better"}`}>{count(row[side])}</td>
              <td class="num">
                {count(row.requests)} <span class="quiet">({percent(row[side], row.requests)})</span>
              </td>
              <td>{row.tier}</td>
              <td>{row.routes.map((route) => route || "no route").join(", ")}</td>
              <td>
                <Link to={{ screen: "decisions", params: { account: row.account, ...period } }}>
                  Decisions
                </Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}

function NumberHead({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <th scope="col" class="num" title={title}>
      {children}
    </th>
  );
}

function deniedText(denied: number, requests: number): ComponentChildren {
  if (denied === 0) return "0";
  return (
    <>
      {count(denied)} <span class="quiet">({percent(denied, requests)})</span>
    </>
  );
}

function changeClass(change: number): string {
  if (change === 0) return "quiet";
  return change > 0 ? "worse" : "better";
}
