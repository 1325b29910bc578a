/**
 * The courier's in-memory view of each endpoint: events being sent, open connections, waiting deliveries. It is lost in a crash; the events
 * that were being sent are then still due.
 */
import type { DeskStore } from "./desk-store.ts";
import type { Endpoint } from "./desk-tables.ts";

export interface EndpointLoad {
  /** Numbers of events that are being sent, or whose outcome is not stored yet. */
  readonly taken: Set<number>;
  /** Open connections. */
  open: number;
  waiting: number;
}

export class EndpointLoads {
  readonly #store: DeskStore;
  readonly #loads = new Map<string, EndpointLoad>();

  constructor(store: DeskStore) {
    this.#store = store;
  }

  of({ id }: Pick<Endpoint, "id">): EndpointLoad {
    const known = this.#loads.get(id);
    if (known) return known;
    const { waiting } = this.#store.deliveries.backlog(id);
    const load: EndpointLoad = { taken: new Set(), open: 0, waiting };
    this.#loads.set(id, load);
    return load;
  }

  /** Call when the endpoint is deleted. */
  forget(endpointId: string): void {
    this.#loads.delete(endpointId);
  }

  /** Forgets the endpoints of which nothing is being sent. */
  sweep(): void {
    for (const [id, { taken }] of this.#loads) if (taken.size === 0) this.#loads.delete(id);
  }

  /** Forgets a delivery that has an outcome. Its endpoint may have been deleted. */
  release(endpointId: string, seq: number): void {
    this.#loads.get(endpointId)?.taken.delete(seq);
  }

  /** Counts the waiting deliveries again. Call after a failed transaction. */
  recount(): void {
    for (const [id, load] of this.#loads) load.waiting = this.#store.deliveries.backlog(id).waiting;
  }

  /** Connections to endpoints that fail, or that have not answered yet. */
  get unproven(): number {
    return this.#store.endpoints
      .filter(({ lastAttempt }) => lastAttempt?.error !== null)
      .reduce((sum, endpoint) => sum + this.of(endpoint).open, 0);
  }
}
