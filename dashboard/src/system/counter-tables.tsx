/** Counters by label: caches of isolates and responses, targets of pools, failed calls, policy reads, leased tokens, rows written. */
import { Badge } from "../kit/badge.tsx";
import { Section } from "../kit/section.tsx";
import { Sparkline } from "../kit/sparkline.tsx";
import { Figure, Table } from "../kit/table.tsx";
import { count, percent } from "../shell/format.ts";
import type { PageAddress } from "../shell/page-address.ts";
import { type HealthReading, hitsOver } from "./health-reading.ts";
import type { Counted, SystemReport } from "./system-report.ts";

/** What the caches of an isolate hold. */
const CACHES: Readonly<Record<string, string>> = {
  policy: "the policy in force",
  keys: "API keys, read from KV",
  leases: "tokens that objects lent to isolates: a hit saves a call",
  denials: "denials that still hold: a hit saves a call",
};

/** Where a request is decided after a hit in a cache. */
const HITS: Readonly<Record<string, string>> = { leases: "lease", denials: "deny-cache" };

/** The decisions of the last hour that were made there; undefined if none were. */
function toSource(source: string | undefined): PageAddress | undefined {
  return source === undefined ? undefined : { screen: "decisions", params: { source } };
}

interface Props {
  readonly report: SystemReport;
}

export function CacheTable({ report, readings }: Props & { readonly readings: readonly HealthReading[] }) {
  return (
    <Section title="Caches" detail="a miss costs a read, a call or a fetch">
      {report.caches.length === 0 && <p class="quiet">Not reported yet.</p>}
      {report.caches.length > 0 && (
        <Table
          label="Lookups by cache"
          heads={["Cache", ["Lookups", "num"], ["Hits", "num"], ["Since opened", "num"]]}
        >
          {report.caches.map(({ cache, lookups, hits }) => (
            <tr key={cache}>
              <th scope="row" class="name">
                {cache}
                <span class="caption">
                  {CACHES[cache] ?? (cache.includes("/") ? "responses of the route" : "")}
                </span>
              </th>
              <Figure>{count(lookups.total)}</Figure>
              <Figure to={toSource(HITS[cache])}>{percent(hits.total, lookups.total)}</Figure>
              <td class="num">
                <span class="trend">
                  <Sparkline
                    values={hitsOver(readings, cache)}
                    label={`Share of hits of ${cache} since you opened this page`}
                  />
                  {percent(hits.since, lookups.since)}
                </span>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

/** Pools of upstreams; nothing without one. */
export function PoolTable({ report: { targets } }: Props) {
  if (targets.length === 0) return null;
  return (
    <Section title="Pools" detail="requests to each target">
      <Table
        label="Requests by target"
        heads={["Target", ["Tries", "num"], ["Failed", "num"], ["Since opened", "num"], "State"]}
      >
        {targets.map(({ pool, target, tries, failed, isEjected, listAgeSeconds }) => (
          <tr key={pool + target}>
            <th scope="row" class="name">
              {pool} {target}
              {listAgeSeconds !== null && (
                <span class="caption">list at most {count(Math.round(listAgeSeconds))} s old</span>
              )}
            </th>
            <Figure>{count(tries.total)}</Figure>
            <Figure>{count(failed.total)}</Figure>
            <Figure>
              {count(failed.since)} of {count(tries.since)}
            </Figure>
            <td>
              <Badge tone={isEjected ? "error" : "allowed"}>{isEjected ? "ejected" : "in use"}</Badge>
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

export function CounterTables({ report }: Props) {
  return (
    <div class="columns">
      <Counts
        title="Failed calls to objects"
        what="Kind"
        counts={report.failures}
        to={toSource("fallback")}
      />
      <Counts
        title="Policy reads"
        what="Result"
        counts={report.reloads}
        to={{ screen: "policy", params: {} }}
      />
      <Counts
        title="Tokens leased to isolates"
        what="Event"
        counts={report.leaseTokens}
        to={toSource("lease")}
      />
      <Counts
        title="Rejected by shields"
        what="Shield"
        counts={report.shields}
        to={{ screen: "decisions", params: { outcome: "turned_away" } }}
      />
      <Counts
        title="Matched by rules"
        what="Rule"
        counts={report.rules}
        to={{ screen: "policy", params: {} }}
      />
      <Counts title="Retries in pools" what="Result" counts={report.retries} to={undefined} />
      <Counts title="Rows written" what="Object" counts={report.rowsWritten} to={toSource("strict")} />
    </div>
  );
}

interface CountsProps {
  readonly title: string;
  readonly what: string;
  readonly counts: ReadonlyMap<string, Counted>;
  /** What is behind the figures. */
  readonly to: PageAddress | undefined;
}

function Counts({ title, what, counts, to }: CountsProps) {
  return (
    <Section title={title}>
      {counts.size === 0 ? (
        <p class="quiet">None.</p>
      ) : (
        <Table
          label={`${title} by ${what.toLowerCase()}`}
          heads={[what, ["Total", "num"], ["Since opened", "num"]]}
        >
          {[...counts].map(([name, { total, since }]) => (
            <tr key={name}>
              <th scope="row" class="name">
                {name}
              </th>
              <Figure to={to}>{count(total)}</Figure>
              <Figure to={to}>{count(since)}</Figure>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}
