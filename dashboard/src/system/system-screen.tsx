/** The state of the limiter itself: its checks, and the figures of its caches and objects. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import "./system.css";
import { count, percent } from "../shell/format.ts";
import { PollState } from "../shell/poll-state.tsx";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import type { Metrics } from "./exposition.ts";
import { type Counted, parseChecks, parseMetrics, type SystemReport, systemReport } from "./system-report.ts";
import { checksSummary, type SystemCheck, systemChecks } from "./system-checks.ts";

type ProbeAnswer = ReadonlyMap<string, string>;

const STATE_TEXTS = { ok: "OK", attention: "needs attention", unknown: "unknown" } as const;

export function SystemScreen() {
  const metrics = usePolled("/api/v1/admin/metrics", parseMetrics);
  const health = usePolled("/health", parseChecks);
  const ready = usePolled("/ready", parseChecks);
  const first = useRef<Metrics | null>(null);
  first.current ??= metrics.value;
  const report = metrics.value && first.current ? systemReport(metrics.value, first.current) : null;
  const areProbed = [health, ready].every(({ value, fault }) => value !== null || fault !== null);
  const checks =
    report && areProbed ? systemChecks(report, { health: answerOf(health), ready: answerOf(ready) }) : null;
  return (
    <>
      <h1>System</h1>
      <PollState polled={metrics} />
      {checks && <Checks checks={checks} />}
      {report && <Details report={report} />}
    </>
  );
}

/** /ready reports its checks with a 503 as well. */
function answerOf({ value, fault, faultBody }: Polled<ProbeAnswer>): ProbeAnswer | null {
  return fault === null ? value : parseChecks(faultBody);
}

function Checks({ checks }: { readonly checks: readonly SystemCheck[] }) {
  return (
    <section class="card" aria-label="State">
      <p role="status" class="checks-summary">
        <strong>{checksSummary(checks)}</strong>
      </p>
      <dl class="checks">
        {checks.map(({ name, state, detail }) => (
          <div key={name} data-state={state}>
            <dt>{name}</dt>
            <dd>
              <span class="state">{STATE_TEXTS[state]}</span> {detail}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Details({ report }: { readonly report: SystemReport }) {
  const { caches, activeUsers, usersNearLimit, revision } = report;
  return (
    <>
      <dl class="figures">
        <Figure name="Policy revision" value={revision} />
        <Figure name="Users and addresses in the last five minutes" value={activeUsers} />
        <Figure name="Of them near a limit" value={usersNearLimit} />
      </dl>
      <div class="tables">
        <FigureTable title="Caches of the isolates" heads={["Cache", "Lookups", "Hits", "Hits since opened"]}>
          {caches.map(({ cache, lookups, hits }) => (
            <tr key={cache}>
              <th scope="row">{cache}</th>
              <td class="number">{count(lookups.total)}</td>
              <td class="number">{percent(hits.total, lookups.total)}</td>
              <td class="number">{percent(hits.since, lookups.since)}</td>
            </tr>
          ))}
        </FigureTable>
        <Counts title="Failed calls to objects" what="Kind" counts={report.failures} />
        <Counts title="Policy reads" what="Result" counts={report.reloads} />
        <Counts title="Tokens leased to isolates" what="Event" counts={report.leaseTokens} />
        <Counts title="Rows written" what="Object" counts={report.rowsWritten} />
      </div>
    </>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: number | null }) {
  return (
    <div class="card">
      <dt>{name}</dt>
      <dd>{value === null ? "–" : count(value)}</dd>
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
    <FigureTable title={title} heads={[what, "Total", "Since opened"]}>
      {[...counts].map(([name, { total, since }]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td class="number">{count(total)}</td>
          <td class="number">{count(since)}</td>
        </tr>
      ))}
    </FigureTable>
  );
}

interface FigureTableProps {
  readonly title: string;
  readonly heads: readonly string[];
  readonly children: readonly ComponentChildren[];
}

function FigureTable({ title, heads, children }: FigureTableProps) {
  return (
    <section>
      <h2>{title}</h2>
      {children.length === 0 ? (
        <p class="quiet">None.</p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                {heads.map((head, i) => (
                  <th key={head} scope="col" class={i === 0 ? "" : "number"}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{children}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}
