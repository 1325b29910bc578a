/** Runs one simulation at a time and counts its seconds. A new simulation cancels the one before. */
import { useEffect, useState } from "preact/hooks";
import type { Simulation } from "../shell/answers.ts";
import { usePage } from "../shell/page.tsx";
import type { TimeRange } from "../shell/time-range.ts";
import { isBusy, simulate } from "./simulation.ts";

const RETRY_MS = 1_000;
const MAX_RETRIES = 10;

export type SimulationState =
  | { readonly kind: "none" }
  | { readonly kind: "running"; readonly seconds: number }
  | { readonly kind: "done"; readonly simulation: Simulation; readonly tookMs: number }
  | { readonly kind: "failed"; readonly status: number; readonly detail: string };

/**
 * @param document undefined runs nothing. Pass the same object as long as it is the same document.
 * @param range is compared by `rangeKey`.
 * @param attempt another number runs the simulation again.
 */
export function useSimulation(
  document: unknown,
  range: TimeRange,
  rangeKey: string,
  attempt: number,
): SimulationState {
  const { signedOut } = usePage();
  const [state, setState] = useState<SimulationState>({ kind: "none" });
  useEffect(() => {
    if (document === undefined) return setState({ kind: "none" });
    const gone = new AbortController();
    const startedMs = performance.now();
    const tookMs = () => performance.now() - startedMs;
    setState({ kind: "running", seconds: 0 });
    const clock = setInterval(
      () => setState({ kind: "running", seconds: Math.round(tookMs() / 1_000) }),
      1_000,
    );
    const run = async (): Promise<void> => {
      let outcome = await simulate(document, range, Date.now(), gone.signal);
      // The Worker runs one simulation at a time, for all sessions together.
      for (let i = 0; i < MAX_RETRIES && isBusy(outcome) && !gone.signal.aborted; i += 1) {
        const pauseMs = outcome.retryAfterMs ?? RETRY_MS;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        if (!gone.signal.aborted) outcome = await simulate(document, range, Date.now(), gone.signal);
      }
      clearInterval(clock);
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      setState(
        outcome.kind === "ok"
          ? { kind: "done", simulation: outcome.value, tookMs: tookMs() }
          : { kind: "failed", status: outcome.status, detail: outcome.detail },
      );
    };
    void run();
    return () => {
      clearInterval(clock);
      gone.abort();
    };
  }, [document, rangeKey, attempt]);
  return state;
}
