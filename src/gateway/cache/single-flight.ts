/**
 * Which request of an isolate fetches a response that several ask for at once. The others wait for it to be stored.
 *
 * They share plain data only: each polls on its own timers, since no request may await a promise of another. Waiting ends when the fetch is
 * known to store nothing, or after a deadline; then each fetches for itself.
 */

/** `open`: under way. `stored`: it can be read from the store. `passed`: nothing was stored. */
type FlightState = "open" | "stored" | "passed";

interface Flight {
  state: FlightState;
  /** When nobody waits for it any longer, Unix milliseconds. */
  untilMs: number;
  waiting: number;
}

/** What a request is to do. */
export type Role =
  | { readonly kind: "leader"; end(state: "stored" | "passed", nowMs: number): void }
  | { readonly kind: "follower"; readonly flight: Readonly<Flight>; leave(): void }
  /** Fetch without being waited for. */
  | { readonly kind: "alone" };

/** More would be more fetches than an isolate can make. */
const MAX_FLIGHTS = 1_000;
/** Requests that wait for one fetch; more fetch for themselves. */
const MAX_WAITING = 1_000;
/** How long to wait for a fetch. Its leader may have been cancelled, which nobody reports. */
export const FLIGHT_MS = 5_000;
/** How long it is remembered that a response cannot be stored: until then, nobody waits for the next one. */
const PASSED_MS = 2_000;

export class Flights {
  /** In the order in which they began, so about that in which they expire. */
  readonly #flights = new Map<string, Flight>();

  enter(key: string, nowMs: number): Role {
    const known = this.#flights.get(key);
    if (known && nowMs < known.untilMs) {
      if (known.state !== "open" || known.waiting >= MAX_WAITING) return { kind: "alone" };
      known.waiting += 1;
      return { kind: "follower", flight: known, leave: () => (known.waiting -= 1) };
    }
    this.#flights.delete(key);
    this.#dropExpired(nowMs);
    if (this.#flights.size >= MAX_FLIGHTS) return { kind: "alone" };
    const flight: Flight = { state: "open", untilMs: nowMs + FLIGHT_MS, waiting: 0 };
    this.#flights.set(key, flight);
    return { kind: "leader", end: (state, atMs) => this.#end(key, flight, state, atMs) };
  }

  #end(key: string, flight: Flight, state: "stored" | "passed", nowMs: number): void {
    if (flight.state !== "open") return;
    flight.state = state;
    flight.untilMs = state === "passed" ? nowMs + PASSED_MS : nowMs;
    if (state === "stored" && this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  #dropExpired(nowMs: number): void {
    for (const [key, { untilMs }] of this.#flights) {
      if (nowMs < untilMs) break;
      this.#flights.delete(key);
    }
  }
}

/** First and longest pause between two looks at a flight. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 25;

/** Waits until a flight has ended. @returns whether its response is stored. */
export async function landed(
  flight: Readonly<{ state: FlightState; untilMs: number }>,
  now: () => number,
): Promise<boolean> {
  let pauseMs = MIN_PAUSE_MS;
  while (flight.state === "open" && now() < flight.untilMs) {
    await scheduler.wait(pauseMs);
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
  }
  return flight.state === "stored";
}
