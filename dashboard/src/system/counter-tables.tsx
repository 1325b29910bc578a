/** Counters by label: caches of the isolates, failed calls, policy reads, leased tokens, rows written. */
import type { ComponentChildren } from "preact";
import { Section } from "../kit/section.tsx";
import { Sparkline } from "../kit/sparkline.tsx";
import { TableScroll } from "../kit/table.tsx";
import { count, percent } from "../shell/format.ts";
import { type HealthReading, hitsOver } from "./health-reading.ts";
import type { Counted, SystemReport } from "./system-report.ts";

/** What the caches of an isolate hold. */
const CACHES: Readonly<Record<string, string>> = {
  policy: "the policy in force",
  keys: "API keys, read from KV",
  leases: "tokens that objects lent to isolates: a hit saves a call",
  denials: "denials that still hold: a hit saves a call",
};

interface Props {
  readonly report: SystemReport;
}

export function CacheTable({ report, readings }: Props & { readonly readings: readonly HealthReading[] }) {
  return (
    <Section title="Caches of the isolates" detail="a miss costs a read or a call">
      {report.caches.length === 0 && <p class="quiet">Not reported yet.</p>}
      {report.caches.length > 0 && (
        <Table label="Lookups by cache" heads={["Cache", "Lookups", "Hits", "Since opened"]}>
          {report.caches.map(({ cache, lookups, hits }) => (
            <tr key={cache}>
              <th scope="row" class="name">
                {cache}
                <span class="caption">{CACHES[cache] ?? ""}</span>
              </th>
              <td class="num">{count(lookups.total)}</td>
              <td class="num">{percent(hits.total, lookups.total)}</td>
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

export function CounterTables({ report }: Props) {
  return (
    <div class="columns">
      <Counts title="Failed calls to objects" what="Kind" counts={report.failures} />
      <Counts title="Policy reads" what="Result" counts={report.reloads} />
      <Counts title="Tokens leased to isolates" what="Event" counts={report.leaseTokens} />
      <Counts title="Rows written" what="Object" counts={report.rowsWritten} />
    </div>
  );
}

interface CountsProps {
  readonly title: string;
  readonly what: string;
  readonly counts: ReadonlyMap<string, Counted>;
}

function Counts({ title, what, counts }: CountsProps) {
  return (
    <Section title={title}>
      {counts.size === 0 ? (
        <p class="quiet">None.</p>
      ) : (
        <Table label={`${title} by ${what.toLowerCase()}`} heads={[what, "Total", "Since opened"]}>
          {[...counts].map(([name, { total, since }]) => (
            <tr key={name}>
              <th scope="row" class="name">
                {name}
              </th>
              <td class="num">{count(total)}</td>
              <td class="num">{count(since)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

interface TableProps {
  readonly label: string;
  readonly heads: readonly string[];
  readonly children: ComponentChildren;
}

/** @param heads all but the first are of figures. */
function Table({ label, heads, children }: TableProps) {
  return (
    <TableScroll label={label}>
      <table class="data">
        <thead>
          <tr>
            {heads.map((head, i) => (
              <th key={head} scope="col" class={i > 0 ? "num" : ""}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </TableScroll>
  );
}
