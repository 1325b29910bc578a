/** How the limiter itself is: what works, what does not, and what its caches and objects do. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import "./system.css";
import { count, percent } from "../shell/format.ts";
import { PollState } from "../shell/poll-state.tsx";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import type { Metrics } from "./exposition.ts";
import { type Counted, parseChecks, parseMetrics, type SystemReport, systemReport } from "./system-report.ts";
import { type Verdict, verdictOf, verdictsOf } from "./verdicts.ts";

type Said = ReadonlyMap<string, string>;

const WORDS = { well: "well", look: "have a look", unknown: "not known" } as const;

export function SystemScreen() {
  const metrics = usePolled("/api/v1/admin/metrics", parseMetrics);
  const health = usePolled("/health", parseChecks);
  const ready = usePolled("/ready", parseChecks);
  const first = useRef<Metrics | null>(null);
  first.current ??= metrics.value;
  const report = metrics.value && first.current ? systemReport(metrics.value, first.current) : null;
  const areChecked = [health, ready].every(({ value, fault }) => value !== null || fault !== null);
  const verdicts =
    report && areChecked ? verdictsOf(report, { health: saidBy(health), ready: saidBy(ready) }) : null;
  return (
    <>
      <h1>System</h1>
      <PollState polled={metrics} />
      {verdicts && <Verdicts verdicts={verdicts} />}
      {report && <Details report={report} />}
    </>
  );
}

/** /ready says what is wrong with a 503. */
function saidBy({ value, fault, faultBody }: Polled<Said>): Said | null {
  return fault === null ? value : parseChecks(faultBody);
}

function Verdicts({ verdicts }: { readonly verdicts: readonly Verdict[] }) {
  return (
    <section class="card" aria-label="State">
      <p role="status" class="verdict">
        <strong>{verdictOf(verdicts)}</strong>
      </p>
      <dl class="verdicts">
        {verdicts.map(({ name, state, says }) => (
          <div key={name} data-state={state}>
            <dt>{name}</dt>
            <dd>
              <span class="state">{WORDS[state]}</span> {says}
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
        <Figure name="Users and addresses in five minutes" value={activeUsers} />
        <Figure name="Of them near a limit" value={usersNearLimit} />
      </dl>
      <div class="tables">
        <Table title="Caches of the isolates" heads={["Cache", "Look-ups", "Hits", "Hits, while open"]}>
          {caches.map(({ cache, lookups, hits }) => (
            <tr key={cache}>
              <th scope="row">{cache}</th>
              <td class="number">{count(lookups.total)}</td>
              <td class="number">{percent(hits.total, lookups.total)}</td>
              <td class="number">{percent(hits.since, lookups.since)}</td>
            </tr>
          ))}
        </Table>
        <Counts title="Failed calls of objects" what="Kind" counts={report.failures} />
        <Counts title="Reads of the policy" what="Result" counts={report.reloads} />
        <Counts title="Tokens leased to isolates" what="What became of them" counts={report.leaseTokens} />
        <Counts title="Rows written" what="Objects" counts={report.rowsWritten} />
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
    <Table title={title} heads={[what, "Since counting began", "While open"]}>
      {[...counts].map(([name, { total, since }]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td class="number">{count(total)}</td>
          <td class="number">{count(since)}</td>
        </tr>
      ))}
    </Table>
  );
}

interface TableProps {
  readonly title: string;
  readonly heads: readonly string[];
  readonly children: readonly ComponentChildren[];
}

function Table({ title, heads, children }: TableProps) {
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
