/** The last hour against the one before. Asks every five seconds, one question at a time, and not in a hidden tab. */
import { useEffect, useState } from "preact/hooks";
import { call } from "./api-client.ts";
import { count, milliseconds, percent } from "./format.ts";
import { type Overview, parseOverview, type Period } from "./overview-report.ts";

const POLL_MS = 5_000;

const ROWS: readonly { readonly name: string; readonly show: (period: Period) => string }[] = [
  { name: "Requests", show: (p) => count(p.requests) },
  { name: "Requests per second", show: (p) => count(p.perSecond) },
  { name: "Allowed", show: (p) => percent(p.allowed, p.requests) },
  { name: "Denied", show: (p) => percent(p.denied, p.requests) },
  { name: "Errors", show: (p) => percent(p.errors, p.requests) },
  { name: "Decision, median", show: (p) => milliseconds(p.latencyMs?.p50) },
  { name: "Decision, 95th percentile", show: (p) => milliseconds(p.latencyMs?.p95) },
  { name: "Decision, 99th percentile", show: (p) => milliseconds(p.latencyMs?.p99) },
  { name: "Hops saved", show: (p) => percent(p.hopsSaved, p.requests) },
];

export function OverviewScreen({ onSignedOut }: { readonly onSignedOut: () => void }) {
  const [overview, setOverview] = useState<Overview | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    let timer = 0;
    let gone = false;
    const poll = async () => {
      if (!document.hidden) {
        const answer = await call("GET", "/api/v1/admin/reports/overview", parseOverview);
        if (gone) return;
        if (answer.kind === "signed-out") return onSignedOut();
        if (answer.kind === "ok") setOverview(answer.value);
        setFault(answer.kind === "ok" ? null : answer.detail);
      }
      timer = window.setTimeout(() => void poll(), POLL_MS);
    };
    void poll();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);
  return (
    <main>
      <h1>Overview</h1>
      {fault !== null && <p role="alert">{fault}</p>}
      {overview === null && fault === null && <p role="status">Loading…</p>}
      {overview?.current.requests === 0 && <p>No requests in the last hour.</p>}
      {overview !== null && (
        <table>
          <caption>{overview.sampled ? "Estimates from a sample" : "Every decision counted"}</caption>
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col">Last hour</th>
              <th scope="col">Hour before</th>
            </tr>
          </thead>
          <tbody>
            {ROWS.map(({ name, show }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{show(overview.current)}</td>
                <td>{show(overview.previous)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </main>
  );
}
