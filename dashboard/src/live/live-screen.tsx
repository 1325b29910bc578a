/** The live stream of decisions: filtered by the URL, paused with Space, never faster than a person can read. */
import { useEffect, useRef } from "preact/hooks";
import "./live.css";
import { Sparkline } from "../kit/sparkline.tsx";
import { count } from "../shell/format.ts";
import { usePage } from "../shell/page.tsx";
import type { ConnectionState } from "./live-connection.ts";
import { filtersOf } from "./live-frame.ts";
import { LiveFilterForm } from "./live-filter-form.tsx";
import { LiveTable } from "./live-table.tsx";
import { useLive } from "./use-live.ts";

/** Elements where Space already has a meaning. */
const TAKES_SPACE = "input, select, textarea, button, a, summary, dialog";

export function LiveScreen() {
  const { address } = usePage();
  const live = useLive(filtersOf(address.params));
  const { list, state, isPaused, pause } = live;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { target } = event;
      if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target instanceof Element && target.closest(TAKES_SPACE)) return;
      event.preventDefault();
      if (!event.repeat) pause(!isPaused);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [isPaused]);
  // While paused or disconnected, keep the last known rates: unknown is not zero.
  const known = useRef<readonly number[]>([]);
  if ((state.kind === "open" && !isPaused) || known.current.length === 0) {
    known.current = list.perSecond(Date.now());
  }
  const rates = known.current;
  const highest = Math.max(...rates);
  const rate = `${count(rates.at(-1) ?? 0)}/s in the last second, at most ${count(highest)}/s in the last minute`;
  return (
    <>
      <h1>Live</h1>
      <LiveFilterForm />
      <div class="card live-bar">
        <ConnectionStatus state={state} isPaused={isPaused} tryNow={live.tryNow} />
        <button type="button" aria-keyshortcuts="Space" onClick={() => pause(!isPaused)}>
          {isPaused ? "Resume" : "Pause"} <kbd>Space</kbd>
        </button>
        <button type="button" onClick={live.clear}>
          Clear
        </button>
        <div class="rate">
          <span class="quiet">{rate}</span>
          <Sparkline values={rates} label={`Requests per second: ${rate}`} />
        </div>
      </div>
      {list.rows.length === 0 ? (
        <p class="quiet">
          {isPaused && "Paused: no new decisions are listed."}
          {!isPaused && state.kind === "open" && "Waiting for a decision that matches the filters…"}
        </p>
      ) : (
        <LiveTable rows={list.rows} skipped={list.skipped} />
      )}
    </>
  );
}

interface ConnectionStatusProps {
  readonly state: ConnectionState;
  readonly isPaused: boolean;
  readonly tryNow: () => void;
}

function ConnectionStatus({ state, isPaused, tryNow }: ConnectionStatusProps) {
  return (
    <div class="live-state" data-state={isPaused && state.kind === "open" ? "paused" : state.kind}>
      <span role="status">{statusText(state, isPaused)}</span>
      {state.kind === "displaced" && (
        <button type="button" onClick={tryNow}>
          Watch here
        </button>
      )}
      {state.kind === "waiting" && (
        <>
          {/* Not in the status: screen readers would read it every second. */}
          <span class="quiet">
            retrying in {Math.max(0, Math.ceil((state.againAtMs - Date.now()) / 1_000))} s
          </span>
          <button type="button" onClick={tryNow}>
            Retry now
          </button>
        </>
      )}
    </div>
  );
}

function statusText({ kind }: ConnectionState, isPaused: boolean): string {
  switch (kind) {
    case "open":
      return isPaused ? "Paused" : "Connected";
    case "connecting":
      return "Connecting…";
    case "waiting":
      return "Disconnected: the Worker cannot be reached, or has too many viewers";
    case "displaced":
      return "Stopped: a newer live view replaced this one";
    case "closed":
      return "Not connected";
  }
}
