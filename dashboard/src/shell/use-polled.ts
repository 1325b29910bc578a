/**
 * Polls the API: one request at a time, none while the tab is hidden, and one at once when the tab is shown again. Keeps the last
 * answer when a later request fails. After failures it polls less often, down to every half minute.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "./api-client.ts";
import { pathAt } from "./moving-path.ts";
import { usePage } from "./page.tsx";

export const POLL_MS = 5_000;
const MAX_POLL_MS = 30_000;

export interface Polled<T> {
  /** The last answer for this path; null before the first. */
  readonly value: T | null;
  /** When it was answered, by performance.now(). */
  readonly answeredAtMs: number;
  /** The message of the last failure; null after success. */
  readonly fault: string | null;
  /** The HTTP status of the last failure; 0 without a response. */
  readonly status: number;
  /** The body of the last failure; null without one. */
  readonly faultBody: unknown;
  /** Polls at once. */
  readonly refresh: () => void;
}

interface Failure {
  readonly path: string;
  readonly detail: string;
  readonly status: number;
  readonly body: unknown;
}

/**
 * @param path null polls nothing; its period may move with the clock (moving-path.ts).
 * @param parse must be the same function on every render.
 * @param everyMs null: only once, and when `refresh` is called.
 */
export function usePolled<T>(
  path: string | null,
  parse: (body: unknown) => T | null,
  everyMs: number | null = POLL_MS,
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
    let isBusy = false;
    let isStale = false;
    const poll = async (): Promise<void> => {
      clearTimeout(timer);
      // The answer to a request in flight may not contain the change that this poll is for.
      isStale = isBusy;
      if (isBusy) return;
      isBusy = true;
      const outcome = await call("GET", pathAt(path, Date.now()), parse, { signal: gone.signal });
      isBusy = false;
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      failures = outcome.kind === "ok" ? 0 : failures + 1;
      if (outcome.kind === "ok") setAnswer({ path, value: outcome.value, atMs: performance.now() });
      setFailure(outcome.kind === "ok" ? null : { path, ...outcome });
      if (isStale) return poll();
      if (everyMs === null || document.hidden) return;
      const pauseMs = Math.min(MAX_POLL_MS, everyMs * 2 ** Math.min(failures, 4));
      timer = window.setTimeout(() => void poll(), Math.max(everyMs, pauseMs));
    };
    const onVisibility = () => {
      if (document.hidden) clearTimeout(timer);
      else if (everyMs !== null) void poll();
    };
    refresh.current = () => void poll();
    document.addEventListener("visibilitychange", onVisibility);
    if (!document.hidden || everyMs === null) void poll();
    return () => {
      gone.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisibility);
    };
  }, [path, parse, everyMs]);
  const current = answer?.path === path ? answer : null;
  const failed = failure?.path === path ? failure : null;
  return {
    value: current?.value ?? null,
    answeredAtMs: current?.atMs ?? 0,
    fault: failed?.detail ?? null,
    status: failed?.status ?? 0,
    faultBody: failed?.body ?? null,
    refresh: () => refresh.current(),
  };
}
