/** The overview report as the page reads it. Pure; never trusts a shape. */
import { isRecord } from "../shell/api-client.ts";
import { isAnything, isNumber, isShape } from "../shell/shape.ts";

export interface Period {
  readonly requests: number;
  readonly allowed: number;
  /** By a limit. */
  readonly denied: number;
  /** Rejected for another reason. */
  readonly turnedAway: number;
  readonly errors: number;
  /** Requests that the limiter decided: what denials are a share of. */
  readonly decided: number;
  readonly perSecond: number;
  /** Of the period, what has begun and is still stored. */
  readonly coveredSeconds: number;
  readonly hopsSaved: number;
  /** Undefined where nothing was measured. */
  readonly latencyMs: Readonly<Record<"p50" | "p95" | "p99", number>> | undefined;
}

export interface Overview {
  readonly sampled: boolean;
  /** Whether the hub's own store answered, which keeps the last day alone. */
  readonly isEmbedded: boolean;
  readonly current: Period;
  readonly previous: Period;
}

/** Null for what is no overview. */
export function parseOverview(body: unknown): Overview | null {
  if (!isRecord(body) || body["report"] !== "overview") return null;
  const current = period(body["current"]);
  const previous = period(body["previous"]);
  return (
    current &&
    previous && {
      sampled: body["sampled"] === true,
      isEmbedded: body["backend"] === "embedded",
      current,
      previous,
    }
  );
}

const isPeriod = isShape({
  requests: isNumber,
  allowed: isNumber,
  denied: isNumber,
  turnedAway: isNumber,
  errors: isNumber,
  decided: isNumber,
  perSecond: isNumber,
  coveredSeconds: isNumber,
  hopsSaved: isNumber,
  latencyMs: isAnything,
});

function period(value: unknown): Period | null {
  if (!isPeriod(value)) return null;
  return { ...value, latencyMs: percentiles(value.latencyMs) };
}

function percentiles(value: unknown): Period["latencyMs"] {
  if (!isRecord(value)) return undefined;
  const { p50, p95, p99 } = value;
  if (typeof p50 !== "number" || typeof p95 !== "number" || typeof p99 !== "number") return undefined;
  return { p50, p95, p99 };
}
