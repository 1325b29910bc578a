/** The live stream for the screen: what is listed is drawn a few times a second, and only what was drawn is acknowledged. */
import { useEffect, useRef, useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { getSession } from "../shell/session.ts";
import { type ConnectionState, LiveConnection, type Socket, type SocketEvents } from "./live-connection.ts";
import type { LiveFilters } from "./live-frame.ts";
import { LiveList } from "./live-list.ts";

/** Often enough to look live, seldom enough to read. */
const DRAW_MS = 250;

export interface Live {
  readonly list: LiveList;
  readonly state: ConnectionState;
  readonly isPaused: boolean;
  readonly pause: (isPaused: boolean) => void;
  readonly clear: () => void;
  readonly tryNow: () => void;
}

export function useLive(filters: LiveFilters): Live {
  const { signedOut } = usePage();
  const [state, setState] = useState<ConnectionState>({ kind: "closed" });
  const [isPaused, setPaused] = useState(false);
  const [, draw] = useState(0);
  const list = useRef(new LiveList());
  const connection = useRef<LiveConnection | null>(null);
  const key = JSON.stringify(filters);
  useEffect(() => {
    let seen = 0;
    let acknowledged = 0;
    const live = new LiveConnection(
      {
        open: openSocket,
        nowMs: () => Date.now(),
        later: (work, ms) => {
          const timer = setTimeout(work, ms);
          return () => clearTimeout(timer);
        },
        random: () => Math.random(),
        onState: (now) => {
          setState(now);
          // Frames are numbered anew on each connection.
          if (now.kind === "connecting") seen = acknowledged = 0;
          // A browser does not say why a socket was refused: perhaps nobody is signed in any more.
          if (now.kind === "waiting") {
            void getSession().then((answer) => answer.kind === "signed-out" && signedOut());
          }
        },
        onFrame: (frame) => {
          list.current.take(frame, Date.now());
          seen = frame.seq;
        },
      },
      filters,
    );
    connection.current = live;
    const look = () => (document.hidden ? live.stop() : live.start());
    const timer = setInterval(() => {
      draw((times) => times + 1);
      if (seen > acknowledged) live.acknowledge(seen);
      acknowledged = seen;
    }, DRAW_MS);
    document.addEventListener("visibilitychange", look);
    window.addEventListener("online", look);
    look();
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("online", look);
      live.stop();
    };
  }, []);
  useEffect(() => connection.current?.filter(filters), [key]);
  return {
    list: list.current,
    state,
    isPaused,
    pause: (paused) => {
      setPaused(paused);
      connection.current?.pause(paused);
    },
    clear: () => list.current.clear(),
    tryNow: () => connection.current?.restart(),
  };
}

function openSocket(filters: LiveFilters, { opened, told, closed }: SocketEvents): Socket {
  const url = new URL("/api/v1/admin/live", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams(filters).toString();
  const socket = new WebSocket(url);
  socket.addEventListener("open", opened);
  socket.addEventListener("message", ({ data }) => told(data));
  socket.addEventListener("close", ({ code }) => closed(code));
  return socket;
}
