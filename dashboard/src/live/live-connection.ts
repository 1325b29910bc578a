/**
 * The connection to the live stream: opened, kept, and opened again after a growing pause when it is lost. Not a connection is held
 * while nobody looks. Knows no page: the socket, the clock and the timers are given.
 */
import { type Frame, type LiveFilters, parseFrame } from "./live-frame.ts";

export type ConnectionState =
  | { readonly kind: "closed" }
  | { readonly kind: "connecting" }
  | { readonly kind: "open" }
  /** Lost, or never had; tried again at `againAtMs`. */
  | { readonly kind: "waiting"; readonly againAtMs: number }
  /** A newer stream of the same token took its place. It is not reopened automatically: the two would displace each other forever. */
  | { readonly kind: "displaced" };

/** What is needed of a WebSocket. */
export interface Socket {
  send(text: string): void;
  close(): void;
}

/** What a socket tells. */
export interface SocketEvents {
  readonly opened: () => void;
  readonly told: (data: unknown) => void;
  /** With the close code. */
  readonly closed: (code: number) => void;
}

export interface Surroundings {
  readonly open: (filters: LiveFilters, events: SocketEvents) => Socket;
  readonly nowMs: () => number;
  /** Runs `work` after `ms`. @returns takes it back. */
  readonly later: (work: () => void, ms: number) => () => void;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onState: (state: ConnectionState) => void;
  readonly onFrame: (frame: Frame) => void;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A connection that took longer to be lost was a good one: the next pause is a first one again. */
const GOOD_AFTER_MS = 5_000;
/** The hub's close code for that (DISPLACED of src/analytics/live.ts). */
const DISPLACED = 4001;
/** A handshake that takes longer is given up. */
const OPENING_MS = 10_000;

export class LiveConnection {
  readonly #around: Surroundings;
  #filters: LiveFilters;
  #isPaused = false;
  #socket: Socket | null = null;
  #isOpen = false;
  #isDisplaced = false;
  /** Counts up; each socket is of one. */
  #attempt = 0;
  #openedMs = Infinity;
  #losses = 0;
  #takeBack: () => void = () => undefined;

  constructor(around: Surroundings, filters: LiveFilters) {
    this.#around = around;
    this.#filters = filters;
  }

  /** Opens it at once. Does nothing if it is open, being opened or displaced. */
  start(): void {
    if (this.#socket || this.#isDisplaced) return;
    this.#takeBack();
    const attempt = ++this.#attempt;
    // What an earlier socket still has to say is about nothing that is here.
    const ifMine = (work: () => void) => attempt === this.#attempt && work();
    this.#socket = this.#around.open(this.#filters, {
      opened: () => ifMine(() => this.#opened()),
      told: (data) => ifMine(() => this.#told(data)),
      closed: (code) => ifMine(() => (code === DISPLACED ? this.#displaced() : this.#lost())),
    });
    this.#around.onState({ kind: "connecting" });
    this.#takeBack = this.#around.later(() => ifMine(() => this.#lost()), OPENING_MS);
  }

  /** Opens it at once, even if it was displaced: the viewer asked for it. */
  restart(): void {
    this.#isDisplaced = false;
    this.start();
  }

  /** Closes it, and does not open it again by itself. */
  stop(): void {
    if (this.#isDisplaced) return;
    this.#takeBack();
    this.#drop();
    this.#losses = 0;
    this.#around.onState({ kind: "closed" });
  }

  /** From now on only what passes these. */
  filter(filters: LiveFilters): void {
    this.#filters = filters;
    this.#send({ filters });
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#send({ pause: isPaused });
  }

  /** Says that frames up to `seq` were drawn: the hub sends more only then. */
  acknowledge(seq: number): void {
    this.#send({ ack: seq });
  }

  #opened(): void {
    this.#takeBack();
    this.#isOpen = true;
    this.#openedMs = this.#around.nowMs();
    // Both may have changed while it was being opened.
    this.#send({ filters: this.#filters });
    if (this.#isPaused) this.#send({ pause: true });
    this.#around.onState({ kind: "open" });
  }

  #told(data: unknown): void {
    const frame = parseFrame(data);
    // What is no frame comes from another version of the Worker: nothing of it can be shown.
    if (frame) this.#around.onFrame(frame);
  }

  #displaced(): void {
    this.#takeBack();
    this.#drop();
    this.#losses = 0;
    this.#isDisplaced = true;
    this.#around.onState({ kind: "displaced" });
  }

  #lost(): void {
    this.#takeBack();
    this.#losses = this.#around.nowMs() - this.#openedMs >= GOOD_AFTER_MS ? 1 : this.#losses + 1;
    this.#drop();
    const usualMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#losses - 1, 5));
    // Not all viewers at the same moment, after a deploy has closed their connections.
    const pauseMs = usualMs * (0.75 + this.#around.random() / 2);
    this.#takeBack = this.#around.later(() => this.start(), pauseMs);
    this.#around.onState({ kind: "waiting", againAtMs: this.#around.nowMs() + pauseMs });
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
