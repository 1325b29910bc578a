/** Runs one simulation at a time, and says for how long it has been running. A run that another takes the place of is ended. */
import { useEffect, useState } from "preact/hooks";
import type { Range } from "../overview/range.ts";
import { usePage } from "../shell/page.tsx";
import { isBusy, simulate, type Simulation } from "./simulation.ts";

const RETRY_MS = 1_000;
const MOST_RETRIES = 10;

export type Run =
  | { readonly kind: "none" }
  | { readonly kind: "running"; readonly seconds: number }
  | { readonly kind: "done"; readonly simulation: Simulation; readonly tookMs: number }
  | { readonly kind: "failed"; readonly status: number; readonly detail: string };

/**
 * @param document undefined runs nothing. The same object as long as it is the same document.
 * @param range by what it says: the same as long as `rangeKey` is.
 * @param attempt another number runs it again.
 */
export function useSimulation(document: unknown, range: Range, rangeKey: string, attempt: number): Run {
  const { signedOut } = usePage();
  const [run, setRun] = useState<Run>({ kind: "none" });
  useEffect(() => {
    if (document === undefined) return setRun({ kind: "none" });
    const gone = new AbortController();
    const startedMs = performance.now();
    const tookMs = () => performance.now() - startedMs;
    setRun({ kind: "running", seconds: 0 });
    const clock = setInterval(
      () => setRun({ kind: "running", seconds: Math.round(tookMs() / 1_000) }),
      1_000,
    );
    const ask = async (): Promise<void> => {
      let outcome = await simulate(document, range, Date.now(), gone.signal);
      // Only one runs at a time, of all who are signed in.
      for (let i = 0; i < MOST_RETRIES && isBusy(outcome) && !gone.signal.aborted; i += 1) {
        const pauseMs = outcome.retryAfterMs ?? RETRY_MS;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        if (!gone.signal.aborted) outcome = await simulate(document, range, Date.now(), gone.signal);
      }
      clearInterval(clock);
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      setRun(
        outcome.kind === "ok"
          ? { kind: "done", simulation: outcome.value, tookMs: tookMs() }
          : { kind: "failed", status: outcome.status, detail: outcome.detail },
      );
    };
    void ask();
    return () => {
      clearInterval(clock);
      gone.abort();
    };
  }, [document, rangeKey, attempt]);
  return run;
}
