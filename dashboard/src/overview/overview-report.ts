/** The overview report as the page reads it. Pure; never trusts a shape. */
import { isRecord } from "../shell/api-client.ts";

export interface Period {
  readonly requests: number;
  readonly allowed: number;
  readonly denied: number;
  readonly errors: number;
  readonly perSecond: number;
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

function period(value: unknown): Period | null {
  if (!isRecord(value)) return null;
  const { requests, allowed, denied, errors, perSecond, hopsSaved, latencyMs } = value;
  if (typeof requests !== "number" || typeof allowed !== "number" || typeof denied !== "number") return null;
  if (typeof errors !== "number" || typeof perSecond !== "number" || typeof hopsSaved !== "number")
    return null;
  return { requests, allowed, denied, errors, perSecond, hopsSaved, latencyMs: percentiles(latencyMs) };
}

function percentiles(value: unknown): Period["latencyMs"] {
  if (!isRecord(value)) return undefined;
  const { p50, p95, p99 } = value;
  if (typeof p50 !== "number" || typeof p95 !== "number" || typeof p99 !== "number") return undefined;
  return { p50, p95, p99 };
}
