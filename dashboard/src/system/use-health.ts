/** Polls the metrics, and keeps their readings while the page is open, also while it shows other screens. */
import { useEffect, useState } from "preact/hooks";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import type { Metrics } from "./exposition.ts";
import { type HealthReading, readingOf, withReading } from "./health-reading.ts";
import { parseMetrics } from "./system-report.ts";

interface Watch {
  /** The first metrics, which later ones are compared with; null before. */
  readonly first: Metrics | null;
  readonly readings: readonly HealthReading[];
}

let kept: Watch = { first: null, readings: [] };

export function useHealth(): Watch & { readonly polled: Polled<Metrics> } {
  const polled = usePolled("/api/v1/admin/metrics", parseMetrics);
  const [watch, setWatch] = useState(kept);
  const { value } = polled;
  useEffect(() => {
    if (!value) return;
    const reading = readingOf(value, Date.now());
    kept = { first: kept.first ?? value, readings: withReading(kept.readings, reading) };
    setWatch(kept);
  }, [value]);
  return { ...watch, polled };
}
