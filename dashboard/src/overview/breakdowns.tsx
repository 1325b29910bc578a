/** The requests of a period by limit, tier, route and place of decision. Every figure leads to its decisions. */
import { ShareCell } from "../kit/share-cell.tsx";
import { Empty } from "../kit/state.tsx";
import { Figure, Table } from "../kit/table.tsx";
import type { Tone } from "../kit/tone.ts";
import type { LogFilters } from "../shell/decision-log.ts";
import { labelOf } from "../shell/filter-options.ts";
import { count, milliseconds, percent } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import type { DenialReport, RouteRanking, ShadowReport, TierReport } from "../shell/rankings.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import type { Latency } from "./latency.ts";
import type { Behind } from "./rankings.tsx";

interface DenialsProps {
  readonly report: DenialReport;
  readonly behind: Behind;
}

export function DenialsByLimit({ report: { reasons, top }, behind }: DenialsProps) {
  if (reasons.length === 0) return <Empty title="No limit denied anything" />;
  const rows = reasons.map(({ reason, denied, share }) => {
    const most = top.find((row) => row.reason === reason);
    const filters = { reason, outcome: "denied" };
    return {
      name: reason,
      requests: denied,
      share,
      filters,
      most: most && ([most.account, most.denied] as const),
    };
  });
  return <Limits label="Denials by limit" head="Denied" tone="denied" rows={rows} behind={behind} />;
}

interface ShadowProps {
  readonly report: ShadowReport;
  readonly behind: Behind;
}

/** A request that several would have denied counts for each, and leads to the first. */
export function WouldDeny({ report: { limits, top }, behind }: ShadowProps) {
  const rows = limits.map(({ limit, requests, share }) => {
    const most = top.find((row) => row.limit === limit);
    const filters = { reason: `shadow:${limit}` };
    return { name: limit, requests, share, filters, most: most && ([most.account, most.requests] as const) };
  });
  return <Limits label="Would deny" head="Would deny" tone="would-deny" rows={rows} behind={behind} />;
}

interface LimitsProps {
  readonly label: string;
  readonly head: string;
  readonly tone: Tone;
  readonly rows: readonly {
    readonly name: string;
    readonly requests: number;
    readonly share: number;
    readonly filters: LogFilters;
    /** The users affected most, with the number of their requests. */
    readonly most: readonly [account: string, requests: number] | undefined;
  }[];
  readonly behind: Behind;
}

function Limits({ label, head, tone, rows, behind }: LimitsProps) {
  return (
    <Table label={label} heads={["Limit", [head, "num"], "Share", ["Most affected", "name"]]}>
      {rows.map(({ name, requests, share, filters, most }) => {
        const to = behind(filters);
        return (
          <tr key={name}>
            <th scope="row">
              <Link to={to}>{name}</Link>
            </th>
            <Figure to={to}>{count(requests)}</Figure>
            <ShareCell share={share} tone={tone} to={to} />
            <td class="name">
              {most && (
                <>
                  <SubjectLink account={most[0]} />{" "}
                  <Link to={behind({ ...filters, account: most[0] })}>{percent(most[1], requests)}</Link>
                </>
              )}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

interface Part {
  readonly name: string;
  readonly requests: number;
  readonly share: number;
  readonly denied: number;
  readonly decided: number;
  readonly latencyMs: { readonly p95: number } | null;
  readonly filters: Parameters<Behind>[0];
}

export function Tiers({ report, behind }: { readonly report: TierReport; readonly behind: Behind }) {
  const parts = report.tiers.map(({ tier, ...row }) => ({
    ...row,
    name: tier === "" ? "no tier" : tier,
    filters: tier === "" ? {} : { tier },
  }));
  return <Parts label="Tiers" head="Tier" parts={parts} behind={behind} />;
}

export function TopRoutes({ ranking, behind }: { readonly ranking: RouteRanking; readonly behind: Behind }) {
  const parts = ranking.routes.map(({ route, ...row }) => ({ ...row, name: route, filters: { route } }));
  return <Parts label="Top routes" head="Route" parts={parts} behind={behind} />;
}

export function DecidedBy({ report, behind }: { readonly report: Latency; readonly behind: Behind }) {
  const parts = report.sources.map(({ source, ...row }) => ({
    ...row,
    name: labelOf("source", source),
    filters: { source },
  }));
  return <Parts label="Decided by" head="Decided by" parts={parts} behind={behind} />;
}

interface PartsProps {
  readonly label: string;
  readonly head: string;
  readonly parts: readonly Part[];
  readonly behind: Behind;
}

function Parts({ label, head, parts, behind }: PartsProps) {
  if (parts.length === 0) return <Empty title="Nothing was decided" />;
  return (
    <Table
      label={label}
      heads={[[head, "name"], ["Requests", "num"], "Share", ["Denied %", "num"], ["p95", "num"]]}
    >
      {parts.map(({ name, requests, share, denied, decided, latencyMs, filters }) => {
        const to = behind(filters);
        return (
          <tr key={name}>
            <th scope="row" class="name">
              <Link to={to}>{name}</Link>
            </th>
            <Figure to={to}>{count(requests)}</Figure>
            <ShareCell share={share} to={to} />
            <Figure to={denied > 0 ? behind({ ...filters, outcome: "denied" }) : null}>
              {percent(denied, decided)}
            </Figure>
            <Figure to={latencyMs && to}>{milliseconds(latencyMs?.p95)}</Figure>
          </tr>
        );
      })}
    </Table>
  );
}
