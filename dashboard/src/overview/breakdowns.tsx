/** The requests of a period by limit, tier, route and place of decision. Every figure leads to its decisions. */
import { ShareCell } from "../kit/share-cell.tsx";
import { Empty } from "../kit/state.tsx";
import { TableScroll } from "../kit/table.tsx";
import { labelOf } from "../shell/filter-options.ts";
import { count, milliseconds, percent } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import type { DenialReport, RouteRanking, TierReport } from "../shell/rankings.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import type { Latency } from "./latency.ts";
import type { Behind } from "./rankings.tsx";

interface DenialsProps {
  readonly report: DenialReport;
  readonly behind: Behind;
}

export function DenialsByLimit({ report: { reasons, top }, behind }: DenialsProps) {
  if (reasons.length === 0) return <Empty title="No limit denied anything" />;
  return (
    <TableScroll label="Denials by limit">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col" class="num">
              Denied
            </th>
            <th scope="col">Share</th>
            <th scope="col">Most affected</th>
          </tr>
        </thead>
        <tbody>
          {reasons.map(({ reason, denied, share }) => {
            const most = top.find((row) => row.reason === reason);
            return (
              <tr key={reason}>
                <th scope="row">
                  <Link to={behind({ reason, outcome: "denied" })}>{reason}</Link>
                </th>
                <td class="num">{count(denied)}</td>
                <ShareCell share={share} tone="denied" />
                <td class="name">
                  {most && (
                    <>
                      <SubjectLink account={most.account} />{" "}
                      <span class="quiet">{percent(most.denied, denied)}</span>
                    </>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableScroll>
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
  return (
    <TableScroll label={label}>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">{head}</th>
            <th scope="col" class="num">
              Requests
            </th>
            <th scope="col">Share</th>
            <th scope="col" class="num">
              Denied %
            </th>
            <th scope="col" class="num">
              p95
            </th>
          </tr>
        </thead>
        <tbody>
          {parts.map(({ name, requests, share, denied, decided, latencyMs, filters }) => (
            <tr key={name}>
              <th scope="row" class="name">
                <Link to={behind(filters)}>{name}</Link>
              </th>
              <td class="num">{count(requests)}</td>
              <ShareCell share={share} />
              <td class="num">
                {denied > 0 ? (
                  <Link to={behind({ ...filters, outcome: "denied" })}>{percent(denied, decided)}</Link>
                ) : (
                  percent(denied, decided)
                )}
              </td>
              <td class="num">{milliseconds(latencyMs?.p95)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  );
}
