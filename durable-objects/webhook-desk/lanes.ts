/**
 * What a courier knows of each endpoint in memory: what is being sent, over how many connections, and how much waits. Lost in a crash, after
 * which all of it is due again.
 */
import type { DeskStore } from "./desk-store.ts";
import type { Endpoint } from "./desk-tables.ts";

/** What is known of an endpoint in memory. */
export interface Lane {
  /** Numbers of events that are being sent, or whose outcome is not stored yet. */
  readonly taken: Set<number>;
  /** Connections. */
  open: number;
  waiting: number;
}

export class Lanes {
  readonly #store: DeskStore;
  readonly #lanes = new Map<string, Lane>();

  constructor(store: DeskStore) {
    this.#store = store;
  }

  of({ id }: Pick<Endpoint, "id">): Lane {
    const known = this.#lanes.get(id);
    if (known) return known;
    const lane: Lane = { taken: new Set(), open: 0, waiting: this.#store.deliveries.backlog(id).waiting };
    this.#lanes.set(id, lane);
    return lane;
  }

  /** The endpoint is deleted. */
  forget(endpointId: string): void {
    this.#lanes.delete(endpointId);
  }

  /** Forgets the endpoints of which nothing is being sent. */
  sweep(): void {
    for (const [id, { taken }] of this.#lanes) if (taken.size === 0) this.#lanes.delete(id);
  }

  /** Of a delivery that has an outcome, whether or not its endpoint is still there. */
  release(endpointId: string, seq: number): void {
    this.#lanes.get(endpointId)?.taken.delete(seq);
  }

  /** Counts again what waits: a transaction has failed. */
  recount(): void {
    for (const [id, lane] of this.#lanes) lane.waiting = this.#store.deliveries.backlog(id).waiting;
  }

  /** Connections to endpoints that fail, or that have not answered yet. */
  get unproven(): number {
    return this.#store.endpoints
      .filter(({ lastAttempt }) => lastAttempt?.error !== null)
      .reduce((sum, endpoint) => sum + this.of(endpoint).open, 0);
  }
}
