/**
 * The hub's live viewers: WebSockets that may hibernate, so a viewer's state is attached to its socket.
 *
 * Never queues rows: rows that a viewer cannot take now are counted and skipped. So neither many nor slow viewers make the hub slower or
 * larger.
 */
import * as z from "zod/mini";
import {
  DISPLACED,
  EXPIRES,
  type LiveFrame,
  type LiveFilters,
  liveFiltersSchema,
  liveRow,
  MAX_ROWS_PER_SECOND,
  passes,
  SESSION,
  VIEWER,
  viewerMessageSchema,
} from "../../src/analytics/live.ts";
import type { Point } from "../../src/analytics/point.ts";
import { SECOND_MS } from "../../src/core/time.ts";
import { parseJson } from "../../src/json.ts";
import { giveWay } from "./stream-bounds.ts";

/** Frames that a viewer may leave unacknowledged. */
export const MAX_UNANSWERED = 5;
/** Longest message from a viewer, UTF-16 units: filters are short. */
const MAX_MESSAGE = 4_096;
/** Close codes: RFC 6455, section 7.4.1. */
const POLICY_VIOLATION = 1008;
const OVER = "the session is over";

const viewerSchema = z.object({
  /** Ascending: the oldest stream has the lowest. */
  nth: z.number(),
  /** The actor that opened it. */
  actor: z.string(),
  filters: liveFiltersSchema,
  paused: z.boolean(),
  /** Number of the last frame, and of the last acknowledged one. */
  seq: z.number(),
  acked: z.number(),
  skipped: z.number(),
  /** Beginning of the current second of the rate limit, Unix ms, and rows sent since then. */
  sinceMs: z.number(),
  rows: z.number(),
  /** When the session that opened the stream ends, Unix ms; missing if a token opened it. */
  expiresMs: z.optional(z.number()),
});
type Viewer = z.infer<typeof viewerSchema>;

export class LiveViewers {
  readonly #ctx: DurableObjectState;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  /** Responds 101, or 503 if there are too many streams. The new stream may displace an older one. */
  open(request: Request): Response {
    const parameters = Object.fromEntries(new URL(request.url).searchParams);
    const { [EXPIRES]: expires, [VIEWER]: actor = "", [SESSION]: session, ...query } = parameters;
    const filters = liveFiltersSchema.safeParse(query);
    if (!filters.success) return new Response(null, { status: 400 });
    const open = this.#open();
    const place = giveWay(
      actor,
      open.map(({ viewer }) => viewer.actor),
    );
    if (place === "full") return new Response(null, { status: 503 });
    if (place !== "nobody") {
      const displaced = open[place];
      if (displaced) close(displaced.socket, DISPLACED, "a newer live stream took this one's place");
    }
    const nth = (open.at(-1)?.viewer.nth ?? 0) + 1;
    const ends = expires === undefined ? {} : { expiresMs: Number(expires) };
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, session === undefined ? [] : [session]);
    store(server, { nth, actor, ...viewerOf(filters.data), ...ends });
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Whether there are viewers. */
  get areAny(): boolean {
    return this.#ctx.getWebSockets().length > 0;
  }

  /** Ends the streams that a session opened. */
  end(session: string): void {
    for (const socket of this.#ctx.getWebSockets(session)) close(socket, POLICY_VIOLATION, OVER);
  }

  /** The open streams, oldest first. */
  #open(): { socket: WebSocket; viewer: Viewer }[] {
    return this.#ctx
      .getWebSockets()
      .flatMap((socket) => {
        const viewer = socket.readyState === WebSocket.OPEN ? read(socket) : null;
        return viewer ? [{ socket, viewer }] : [];
      })
      .toSorted((a, b) => a.viewer.nth - b.viewer.nth);
  }

  /** Sends decisions to the viewers whose filters match. Never throws. */
  show(points: readonly Point[], nowMs: number): void {
    if (points.length === 0) return;
    for (const { socket, viewer } of this.#open()) {
      if (viewer.expiresMs !== undefined && nowMs >= viewer.expiresMs) {
        close(socket, POLICY_VIOLATION, OVER);
      } else if (!viewer.paused) showTo(socket, viewer, points, nowMs);
    }
  }

  /** Handles a message from a viewer. A malformed one ends the stream. */
  receive(socket: WebSocket, message: string | ArrayBuffer): void {
    const viewer = read(socket);
    const isText = typeof message === "string" && message.length <= MAX_MESSAGE;
    const parsed = viewerMessageSchema.safeParse(isText ? parseJson(message) : undefined);
    if (!viewer || !parsed.success) {
      close(socket, POLICY_VIOLATION, "not a message of a viewer");
      return;
    }
    const { data } = parsed;
    if ("ack" in data) viewer.acked = Math.max(viewer.acked, Math.min(data.ack, viewer.seq));
    else if ("pause" in data) viewer.paused = data.pause;
    else viewer.filters = data.filters;
    store(socket, viewer);
  }

  closed(socket: WebSocket): void {
    close(socket, 1000, "");
  }
}

function viewerOf(filters: LiveFilters): Omit<Viewer, "nth" | "actor"> {
  return { filters, paused: false, seq: 0, acked: 0, skipped: 0, sinceMs: 0, rows: 0 };
}

function showTo(socket: WebSocket, viewer: Viewer, points: readonly Point[], nowMs: number): void {
  const found = points.filter((point) => passes(point, viewer.filters));
  if (found.length === 0) return;
  if (nowMs - viewer.sinceMs >= SECOND_MS || nowMs < viewer.sinceMs) {
    viewer.sinceMs = nowMs;
    viewer.rows = 0;
  }
  const isBehind = viewer.seq - viewer.acked >= MAX_UNANSWERED;
  const room = isBehind ? 0 : MAX_ROWS_PER_SECOND - viewer.rows;
  const shown = room > 0 ? found.slice(-room) : [];
  viewer.skipped += found.length - shown.length;
  if (shown.length > 0) {
    viewer.seq += 1;
    viewer.rows += shown.length;
    const frame: LiveFrame = { seq: viewer.seq, rows: shown.map(liveRow), skipped: viewer.skipped };
    viewer.skipped = 0;
    try {
      socket.send(JSON.stringify(frame));
    } catch {
      // The socket is gone; its close event follows.
    }
  }
  store(socket, viewer);
}

/** The state attached to the socket; null if it is malformed. */
function read(socket: WebSocket): Viewer | null {
  const parsed = viewerSchema.safeParse(socket.deserializeAttachment());
  return parsed.success ? parsed.data : null;
}

function store(socket: WebSocket, viewer: Viewer): void {
  socket.serializeAttachment(viewer);
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // Already closed.
  }
}
