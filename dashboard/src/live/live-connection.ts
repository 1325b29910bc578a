/**
 * The connection to the live stream. Reconnects after a growing pause when the connection is lost. Knows no page: the socket, the
 * clock and the timers are passed in.
 */
import type { LiveFrame } from "../shell/answers.ts";
import { type LiveFilters, parseFrame } from "./live-frame.ts";

export type ConnectionState =
  | { readonly kind: "closed" }
  | { readonly kind: "connecting" }
  | { readonly kind: "open" }
  /** Lost, or never established; the next attempt is at `againAtMs`. */
  | { readonly kind: "waiting"; readonly againAtMs: number }
  /** Displaced by a newer stream of the same token. Never reopened automatically: the two would displace each other forever. */
  | { readonly kind: "displaced" };

/** The part of a WebSocket that the connection uses. */
export interface Socket {
  send(text: string): void;
  close(): void;
}

/** The events of a socket. */
export interface SocketEvents {
  readonly opened: () => void;
  readonly received: (data: unknown) => void;
  /** With the close code. */
  readonly closed: (code: number) => void;
}

/** What the connection needs of its surroundings. */
export interface LiveEnvironment {
  readonly open: (filters: LiveFilters, events: SocketEvents) => Socket;
  readonly nowMs: () => number;
  /** Runs `work` after `ms`. @returns a function that cancels it. */
  readonly later: (work: () => void, ms: number) => () => void;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly onState: (state: ConnectionState) => void;
  readonly onFrame: (frame: LiveFrame) => void;
}

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
/** After a connection that lasted this long, the pauses start over. */
const STABLE_AFTER_MS = 5_000;
/** The hub's close code for a displaced stream (DISPLACED in src/analytics/live.ts). */
const DISPLACED = 4001;
/** The deadline of a handshake. */
const OPENING_MS = 10_000;

export class LiveConnection {
  readonly #environment: LiveEnvironment;
  #filters: LiveFilters;
  #isPaused = false;
  #socket: Socket | null = null;
  #isOpen = false;
  #isDisplaced = false;
  /** The number of the current attempt: events of sockets of earlier ones are ignored. */
  #attempt = 0;
  #openedMs = Infinity;
  #losses = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(environment: LiveEnvironment, filters: LiveFilters) {
    this.#environment = environment;
    this.#filters = filters;
  }

  /** Connects at once. Does nothing if it is connected, connecting or displaced. */
  start(): void {
    if (this.#socket || this.#isDisplaced) return;
    this.#cancelTimer();
    const attempt = ++this.#attempt;
    const ifCurrent = (work: () => void) => attempt === this.#attempt && work();
    this.#socket = this.#environment.open(this.#filters, {
      opened: () => ifCurrent(() => this.#onOpened()),
      received: (data) => ifCurrent(() => this.#onReceived(data)),
      closed: (code) => ifCurrent(() => (code === DISPLACED ? this.#onDisplaced() : this.#onLost())),
    });
    this.#environment.onState({ kind: "connecting" });
    this.#cancelTimer = this.#environment.later(() => ifCurrent(() => this.#onLost()), OPENING_MS);
  }

  /** Connects at once, even after it was displaced: the viewer asked for it. */
  restart(): void {
    this.#isDisplaced = false;
    this.start();
  }

  /** Disconnects, and does not reconnect. */
  stop(): void {
    if (this.#isDisplaced) return;
    this.#cancelTimer();
    this.#drop();
    this.#losses = 0;
    this.#environment.onState({ kind: "closed" });
  }

  /** Replaces the filters. */
  filter(filters: LiveFilters): void {
    this.#filters = filters;
    this.#send({ filters });
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#send({ pause: isPaused });
  }

  /** Acknowledges the frames up to `seq`, which were drawn: the hub sends more only then. */
  acknowledge(seq: number): void {
    this.#send({ ack: seq });
  }

  #onOpened(): void {
    this.#cancelTimer();
    this.#isOpen = true;
    this.#openedMs = this.#environment.nowMs();
    // Both may have changed during the handshake.
    this.#send({ filters: this.#filters });
    if (this.#isPaused) this.#send({ pause: true });
    this.#environment.onState({ kind: "open" });
  }

  #onReceived(data: unknown): void {
    const frame = parseFrame(data);
    // Anything else comes from another version of the Worker and cannot be shown.
    if (frame) this.#environment.onFrame(frame);
  }

  #onDisplaced(): void {
    this.#cancelTimer();
    this.#drop();
    this.#losses = 0;
    this.#isDisplaced = true;
    this.#environment.onState({ kind: "displaced" });
  }

  #onLost(): void {
    this.#cancelTimer();
    this.#losses = this.#environment.nowMs() - this.#openedMs >= STABLE_AFTER_MS ? 1 : this.#losses + 1;
    this.#drop();
    const usualMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#losses - 1, 5));
    // Jitter: a deploy closes the connections of all viewers at once.
    const pauseMs = usualMs * (0.75 + this.#environment.random() / 2);
    this.#cancelTimer = this.#environment.later(() => this.start(), pauseMs);
    this.#environment.onState({ kind: "waiting", againAtMs: this.#environment.nowMs() + pauseMs });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    this.#openedMs = Infinity;
    this.#attempt += 1;
    socket?.close();
  }

  #send(message: unknown): void {
    if (this.#isOpen) this.#socket?.send(JSON.stringify(message));
  }
}
