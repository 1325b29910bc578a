/** Asks all accounts, a page at a time, what their open periods have come to. Can be stopped and resumed. */
import { useEffect, useState } from "preact/hooks";
import { call } from "../shell/api-client.ts";
import { usePage } from "../shell/page.tsx";
import { withQuery } from "../shell/query.ts";
import { parseRunning, RUNNING_PATH } from "./board-api.ts";
import { NOTHING, type RunningTotals, withPage } from "./running-totals.ts";

const PAGE_LIMIT = "100";

interface Progress {
  readonly totals: RunningTotals;
  /** Of the next page; "" for the first, null at the end. */
  readonly cursor: string | null;
}

const START: Progress = { totals: NOTHING, cursor: "" };

export interface Running extends Progress {
  readonly isRunning: boolean;
  /** Why it stopped by itself. */
  readonly fault: string | null;
  /** Stops or resumes; begins again if all accounts were asked. */
  readonly toggle: () => void;
}

/** @param isBilled false to ask nothing. */
export function useRunning(isBilled: boolean): Running {
  const { signedOut } = usePage();
  const [progress, setProgress] = useState(START);
  const [isWanted, setWanted] = useState(true);
  const [fault, setFault] = useState<string | null>(null);
  const { totals, cursor } = progress;
  const isRunning = isBilled && isWanted && cursor !== null;
  useEffect(() => {
    if (!isRunning) return;
    const gone = new AbortController();
    setFault(null);
    const path = withQuery(RUNNING_PATH, { limit: PAGE_LIMIT, cursor });
    void call("GET", path, parseRunning, { signal: gone.signal }).then((outcome) => {
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      if (outcome.kind === "ok") {
        const { value } = outcome;
        return setProgress({ totals: withPage(totals, value), cursor: value.cursor });
      }
      setFault(outcome.detail);
      setWanted(false);
    });
    return () => gone.abort();
  }, [progress, isRunning]);
  const toggle = () => {
    if (cursor === null) setProgress(START);
    setWanted(!isRunning);
  };
  return { ...progress, isRunning, fault, toggle };
}
