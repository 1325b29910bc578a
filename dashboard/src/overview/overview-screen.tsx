/** The last hour against the one before. */
import { count, milliseconds, percent } from "../shell/format.ts";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { parseOverview, type Period } from "./overview-report.ts";

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

export function OverviewScreen() {
  const polled = usePolled("/api/v1/admin/reports/overview", parseOverview);
  const overview = polled.value;
  return (
    <>
      <h1>Overview</h1>
      <PollState polled={polled} />
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
    </>
  );
}
