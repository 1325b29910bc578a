/** The live stream for the screen. Renders a few times a second, and acknowledges only the frames that were rendered. */
import { useEffect, useRef, useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { getSession } from "../shell/session.ts";
import { type ConnectionState, LiveConnection, type Socket, type SocketEvents } from "./live-connection.ts";
import { type LiveFilters, matching } from "./live-frame.ts";
import { LiveList } from "./live-list.ts";

/** Often enough to look live, rarely enough to read. */
const RENDER_MS = 250;

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
  const [, render] = useState(0);
  const list = useRef(new LiveList());
  const connection = useRef<LiveConnection | null>(null);
  const wanted = useRef(filters);
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
          // Each connection numbers its frames from the start.
          if (now.kind === "connecting") seen = acknowledged = 0;
          if (now.kind === "open") list.current.begin(Date.now());
          // A browser does not say why a socket was rejected: the session may have ended.
          if (now.kind === "waiting") {
            void getSession().then((answer) => answer.kind === "signed-out" && signedOut());
          }
        },
        onFrame: (frame) => {
          list.current.take(matching(frame, wanted.current), Date.now());
          seen = frame.seq;
        },
      },
      filters,
    );
    connection.current = live;
    const onVisibility = () => (document.hidden ? live.stop() : live.start());
    const timer = setInterval(() => {
      render((times) => times + 1);
      if (seen > acknowledged) live.acknowledge(seen);
      acknowledged = seen;
    }, RENDER_MS);
    document.addEventListener("visibilitychange", onVisibility);
    window.addEventListener("online", onVisibility);
    onVisibility();
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", onVisibility);
      window.removeEventListener("online", onVisibility);
      live.stop();
    };
  }, []);
  useEffect(() => {
    wanted.current = filters;
    list.current.clear();
    connection.current?.filter(filters);
  }, [key]);
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

function openSocket(filters: LiveFilters, { opened, received, closed }: SocketEvents): Socket {
  const url = new URL("/api/v1/admin/live", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams(filters).toString();
  const socket = new WebSocket(url);
  socket.addEventListener("open", opened);
  socket.addEventListener("message", ({ data }) => received(data));
  socket.addEventListener("close", ({ code }) => closed(code));
  return socket;
}
