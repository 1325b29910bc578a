/** Decisions as they are made: filtered by the URL, paused by Space, never more than a person can read. */
import { useEffect, useRef } from "preact/hooks";
import "./live.css";
import { Sparkline } from "../charts/sparkline.tsx";
import { count } from "../shell/format.ts";
import { usePage } from "../shell/page.tsx";
import type { ConnectionState } from "./live-connection.ts";
import { filtersOf } from "./live-frame.ts";
import { LiveFilterForm } from "./live-filter-form.tsx";
import { LiveTable } from "./live-table.tsx";
import { useLive } from "./use-live.ts";

/** Where Space has a meaning of its own. */
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
  // What is not told is not nothing: the last figures stay while it is paused or not connected.
  const told = useRef<readonly number[]>([]);
  if ((state.kind === "open" && !isPaused) || told.current.length === 0) {
    told.current = list.perSecond(Date.now());
  }
  const rates = told.current;
  const most = Math.max(...rates);
  const rate = `${count(rates.at(-1) ?? 0)}/s in the last second, ${count(most)}/s at most in the last minute`;
  return (
    <>
      <h1>Live</h1>
      <LiveFilterForm />
      <div class="card live-bar">
        <State state={state} isPaused={isPaused} tryNow={live.tryNow} />
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
          {isPaused && "Nothing is listed while it is paused."}
          {!isPaused && state.kind === "open" && "Waiting for a decision that passes the filters…"}
        </p>
      ) : (
        <LiveTable rows={list.rows} skipped={list.skipped} />
      )}
    </>
  );
}

interface StateProps {
  readonly state: ConnectionState;
  readonly isPaused: boolean;
  readonly tryNow: () => void;
}

function State({ state, isPaused, tryNow }: StateProps) {
  return (
    <div class="live-state" data-state={isPaused && state.kind === "open" ? "paused" : state.kind}>
      <span role="status">{wordsOf(state, isPaused)}</span>
      {state.kind === "displaced" && (
        <button type="button" onClick={tryNow}>
          Watch here
        </button>
      )}
      {state.kind === "waiting" && (
        <>
          {/* Not in the status: it would be read out each second. */}
          <span class="quiet">
            again in {Math.max(0, Math.ceil((state.againAtMs - Date.now()) / 1_000))} s
          </span>
          <button type="button" onClick={tryNow}>
            Try now
          </button>
        </>
      )}
    </div>
  );
}

function wordsOf({ kind }: ConnectionState, isPaused: boolean): string {
  switch (kind) {
    case "open":
      return isPaused ? "Paused" : "Connected";
    case "connecting":
      return "Connecting…";
    case "waiting":
      return "No connection: the Worker is not to be reached, or has as many viewers as it takes";
    case "displaced":
      return "Stopped: a newer live view took the place of this one";
    case "closed":
      return "Not connected";
  }
}
