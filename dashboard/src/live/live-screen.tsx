/** The live stream of decisions: filtered by the URL, paused with Space, never faster than a person can read. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../kit/icon.tsx";
import { Sparkline } from "../kit/sparkline.tsx";
import { Empty } from "../kit/state.tsx";
import type { Tone } from "../kit/tone.ts";
import { count } from "../shell/format.ts";
import { decisionsIn } from "../shell/decision-log.ts";
import { Link, usePage } from "../shell/page.tsx";
import { LENGTHS } from "../shell/time-range.ts";
import "./live.css";
import type { ConnectionState } from "./live-connection.ts";
import { LiveFilters } from "./live-filters.tsx";
import { filtersOf } from "./live-frame.ts";
import type { ListedDecision } from "./live-list.ts";
import { LiveTable } from "./live-table.tsx";
import { type Live, useLive } from "./use-live.ts";
import { WhyDialog } from "./why-dialog.tsx";

/** Elements where Space already has a meaning. */
const TAKES_SPACE = "input, select, textarea, button, a, summary, dialog";

export function LiveScreen() {
  const { address } = usePage();
  const live = useLive(filtersOf(address.params));
  const { list, state, isPaused, pause } = live;
  const [opened, setOpened] = useState<ListedDecision | null>(null);
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
  return (
    <>
      <div class="heading">
        <h1>Live</h1>
        <div class="heading-controls">
          <button type="button" aria-keyshortcuts="Space" onClick={() => pause(!isPaused)}>
            <Icon name={isPaused ? "play" : "pause"} />
            {isPaused ? "Resume" : "Pause"} <kbd>Space</kbd>
          </button>
          <button type="button" onClick={live.clear}>
            Clear
          </button>
        </div>
      </div>
      <LiveFilters />
      <div class="card live-bar">
        <ConnectionStatus state={state} isPaused={isPaused} tryNow={live.tryNow} />
        <LastMinute live={live} />
      </div>
      <div class="card live-list">
        {list.rows.length === 0 ? (
          <Empty
            title={isPaused ? "Paused" : "No decisions yet"}
            hint={
              isPaused
                ? "New decisions are not listed."
                : "Send a request, and it appears here at once if it matches the filters."
            }
          />
        ) : (
          <LiveTable rows={list.rows} skipped={list.skipped} onOpen={setOpened} />
        )}
      </div>
      {opened && <WhyDialog row={opened} onClose={() => setOpened(null)} />}
    </>
  );
}

/** The rate of the last minute. While paused or disconnected, keeps what was last known: unknown is not zero. */
function LastMinute({ live: { list, state, isPaused } }: { readonly live: Live }) {
  const { address } = usePage();
  const known = useRef<readonly (number | null)[]>([]);
  if ((state.kind === "open" && !isPaused) || known.current.length === 0) {
    known.current = list.perSecond(Date.now());
  }
  const rates = known.current;
  const highest = Math.max(...rates.map((value) => value ?? 0));
  const last = rates.at(-1) ?? null;
  const rate =
    last === null
      ? "No rate is known yet"
      : `${count(last)}/s in the last second, at most ${count(highest)}/s in the last minute`;
  return (
    <div class="rate">
      <span class="caption">
        {last === null ? rate : <Link to={decisionsIn(LENGTHS[0], filtersOf(address.params))}>{rate}</Link>}
      </span>
      <Sparkline values={rates} label={`Requests per second: ${rate}`} />
    </div>
  );
}

interface ConnectionStatusProps {
  readonly state: ConnectionState;
  readonly isPaused: boolean;
  readonly tryNow: () => void;
}

function ConnectionStatus({ state, isPaused, tryNow }: ConnectionStatusProps) {
  return (
    <div class="live-state">
      <span class="dot" data-tone={toneOf(state, isPaused)} />
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

function toneOf({ kind }: ConnectionState, isPaused: boolean): Tone {
  if (kind === "open") return isPaused ? "warning" : "allowed";
  return kind === "connecting" || kind === "closed" ? "neutral" : "error";
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
