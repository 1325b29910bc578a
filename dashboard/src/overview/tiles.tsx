/** The figures of a period, each with that of the period before. Never shows a figure without its unit. */
import { count, milliseconds, percent } from "../shell/format.ts";
import type { Overview, Period } from "./overview-report.ts";

interface Tile {
  readonly name: string;
  readonly show: (period: Period) => string;
  /** More of it, below the figure. */
  readonly detail?: (period: Period) => string;
}

const TILES: readonly Tile[] = [
  {
    name: "Requests per second",
    show: (p) => `${count(p.perSecond)}/s`,
    detail: (p) => `${count(p.requests)} in all`,
  },
  { name: "Allowed", show: (p) => percent(p.allowed, p.requests), detail: (p) => count(p.allowed) },
  {
    name: "Denied by limits",
    show: (p) => percent(p.denied, p.decided),
    detail: (p) => `${count(p.denied)} of ${count(p.decided)} decided`,
  },
  { name: "Turned away", show: (p) => percent(p.turnedAway, p.requests), detail: (p) => count(p.turnedAway) },
  { name: "Errors", show: (p) => percent(p.errors, p.requests), detail: (p) => count(p.errors) },
  { name: "Decision, median", show: (p) => milliseconds(p.latencyMs?.p50) },
  { name: "Decision, p95", show: (p) => milliseconds(p.latencyMs?.p95) },
  { name: "Decision, p99", show: (p) => milliseconds(p.latencyMs?.p99) },
  {
    name: "Hops saved",
    show: (p) => percent(p.hopsSaved, p.decided),
    detail: (p) => `${count(p.hopsSaved)} answered at the edge`,
  },
];

interface Props {
  readonly overview: Overview;
  /** Decisions that were made without the limiter, because it failed; null while that is not known. */
  readonly failures: Overview | null;
  /** What the period before is called. */
  readonly before: string;
  /** Whether all of both periods may still be stored. */
  readonly isStored: boolean;
}

export function Tiles({ overview, failures, before, isStored }: Props) {
  const { current, previous } = overview;
  return (
    <>
      <dl class="tiles">
        {TILES.map(({ name, show, detail }) => (
          <div key={name} class="card">
            <dt>{name}</dt>
            <dd>
              <strong>{show(current)}</strong>
              {detail && current.requests > 0 && <span class="quiet">{detail(current)}</span>}
              <span class="quiet">before: {previous.coveredSeconds > 0 ? show(previous) : "not stored"}</span>
            </dd>
          </div>
        ))}
        <div class="card">
          <dt>Limiter failures</dt>
          <dd>
            <strong class={failures !== null && failures.current.requests > 0 ? "bad" : ""}>
              {failures === null ? "–" : count(failures.current.requests)}
            </strong>
            <span class="quiet">decided without the limiter</span>
            <span class="quiet">before: {failures === null ? "–" : count(failures.previous.requests)}</span>
          </dd>
        </div>
      </dl>
      <p class="quiet">
        “Before” is {before}. “Turned away”: rejected for another reason than a limit, such as no route, bad
        credentials or a blocked account.{" "}
        {overview.sampled ? "Figures are estimates from a sample." : "Every decision is counted."}
        {!isStored &&
          " Only the last day is stored here; Analytics Engine has three months, once ANALYTICS_API_TOKEN is set."}
      </p>
    </>
  );
}
