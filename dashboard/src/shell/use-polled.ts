/**
 * Asks the API again and again: one question at a time, none in a hidden tab, and at once when the tab is seen again. What was
 * answered last stays when a later question fails. After failures it asks less often, up to every half minute.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "./api-client.ts";
import { pathAt } from "./moving-path.ts";
import { usePage } from "./page.tsx";

export const POLL_MS = 5_000;
const SLOWEST_MS = 30_000;

export interface Polled<T> {
  /** Null until something was answered for this path. */
  readonly value: T | null;
  /** By performance.now(): when it was answered. */
  readonly answeredAtMs: number;
  /** What went wrong last; null where nothing did. */
  readonly fault: string | null;
  /** The status of what went wrong; 0 where there was no answer. */
  readonly status: number;
  /** What was answered with it; null where nothing was, or nothing went wrong. */
  readonly faultBody: unknown;
  /** Asks at once. */
  readonly refresh: () => void;
}

interface Failure {
  readonly path: string;
  readonly detail: string;
  readonly status: number;
  readonly body: unknown;
}

/** @param path null asks nothing; may move with the clock (moving-path.ts). @param parse must be the same function each time. */
export function usePolled<T>(
  path: string | null,
  parse: (body: unknown) => T | null,
  everyMs = POLL_MS,
): Polled<T> {
  const { signedOut } = usePage();
  const [answer, setAnswer] = useState<{ path: string; value: T; atMs: number } | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const refresh = useRef<() => void>(() => undefined);
  useEffect(() => {
    if (path === null) return;
    const gone = new AbortController();
    let timer = 0;
    let failures = 0;
    let isAsking = false;
    let isAskedAgain = false;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      // What is under way may have been answered before a change that is to be seen.
      isAskedAgain = isAsking;
      if (isAsking) return;
      isAsking = true;
      const outcome = await call("GET", pathAt(path, Date.now()), parse, { signal: gone.signal });
      isAsking = false;
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      failures = outcome.kind === "ok" ? 0 : failures + 1;
      if (outcome.kind === "ok") setAnswer({ path, value: outcome.value, atMs: performance.now() });
      setFailure(outcome.kind === "ok" ? null : { path, ...outcome });
      const pauseMs = Math.min(SLOWEST_MS, everyMs * 2 ** Math.min(failures, 4));
      if (isAskedAgain) return ask();
      if (!document.hidden) timer = window.setTimeout(() => void ask(), Math.max(everyMs, pauseMs));
    };
    const seen = () => {
      if (document.hidden) clearTimeout(timer);
      else void ask();
    };
    refresh.current = () => void ask();
    document.addEventListener("visibilitychange", seen);
    if (!document.hidden) void ask();
    return () => {
      gone.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [path, parse, everyMs]);
  const known = answer?.path === path ? answer : null;
  const wrong = failure?.path === path ? failure : null;
  return {
    value: known?.value ?? null,
    answeredAtMs: known?.atMs ?? 0,
    fault: wrong?.detail ?? null,
    status: wrong?.status ?? 0,
    faultBody: wrong?.body ?? null,
    refresh: () => refresh.current(),
  };
}
