/** The figures of a period, each with the figure of the period before. Never shows a figure without its unit. */
import { count, milliseconds, percent } from "../shell/format.ts";
import type { Overview, Period } from "./overview-report.ts";

interface Tile {
  readonly name: string;
  readonly show: (period: Period) => string;
  /** A second figure, below the first. */
  readonly detail?: (period: Period) => string;
}

const TILES: readonly Tile[] = [
  {
    name: "Requests per second",
    show: (p) => `${count(p.perSecond)}/s`,
    detail: (p) => `${count(p.requests)} in total`,
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
    name: "Decided at the edge",
    show: (p) => percent(p.hopsSaved, p.decided),
    detail: (p) => `${count(p.hopsSaved)} without calling an object`,
  },
];

interface Props {
  readonly overview: Overview;
  /** The decisions that were made by the fallback because the limiter failed; null until loaded. */
  readonly failures: Overview | null;
  /** The name of the period before. */
  readonly before: string;
  /** Whether both periods can still be stored in full. */
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
            <span class="quiet">decided by the fallback</span>
            <span class="quiet">before: {failures === null ? "–" : count(failures.previous.requests)}</span>
          </dd>
        </div>
      </dl>
      <p class="quiet">
        “Before” is {before}. “Turned away” means rejected for another reason than a limit: no route, bad
        credentials, a blocked account.{" "}
        {overview.sampled ? "The figures are estimates from a sample." : "Every decision is counted."}
        {!isStored &&
          " Only the last day is stored here. Set ANALYTICS_API_TOKEN to query three months from Analytics Engine."}
      </p>
    </>
  );
}
