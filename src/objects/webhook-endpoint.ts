/** Webhook endpoints and deliveries as the WebhookDesk answers them (webhook-desk.ts). Plain data. Times are Unix milliseconds. */
import type { EventKind } from "../event-kinds.ts";

/** More would be a mistake: each event is sent to each of them. */
export const MAX_ENDPOINTS = 10;

/** Dead deliveries that one call replays. Each is a few rows of storage, in one transaction, which delays other calls. */
export const MAX_REPLAYED = 500;

/**
 * - `waiting`: not delivered yet; retried, or held back until an earlier event of its account is settled.
 * - `delivered`: the endpoint answered 2xx.
 * - `dead`: every attempt has failed. It is not retried unless it is replayed.
 */
export const DELIVERY_STATES = ["waiting", "delivered", "dead"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/**
 * Why an endpoint gets nothing: an administrator disabled it; it answered 410; or it failed while so many events waited that no more
 * could be queued.
 */
export const DISABLED_REASONS = ["operator", "gone", "full"] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

export interface NewEndpoint {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  /** The kinds that it gets; null: all that the policy reports. */
  readonly events: readonly EventKind[] | null;
  readonly secret: string;
}

export interface EndpointChange {
  readonly url?: string;
  readonly description?: string;
  readonly events?: readonly EventKind[] | null;
  readonly enabled?: boolean;
}

/** An endpoint without its secret. */
export interface EndpointView {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  readonly events: readonly EventKind[] | null;
  /** Null: it is enabled. */
  readonly disabled: DisabledReason | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** Until when the secret before the last rotation signs too; null: it does not any more. */
  readonly oldSecretUntilMs: number | null;
  /** Events that are not delivered yet, including those that are not queued. */
  readonly waiting: number;
  readonly dead: number;
  /** When the oldest waiting event came in; null: none waits. */
  readonly oldestWaitingMs: number | null;
  readonly lastAttempt: Attempt | null;
}

export interface Attempt {
  readonly atMs: number;
  /** Of the answer; null: there was none. */
  readonly status: number | null;
  /** Null: it was delivered. */
  readonly error: string | null;
}

export interface Delivery {
  readonly seq: number;
  readonly event: string;
  readonly type: string;
  /** Null: it is of no account. */
  readonly account: string | null;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly receivedMs: number;
  /** When it is tried next; null: never, or after an earlier event of its account. */
  readonly nextAttemptMs: number | null;
  readonly lastAttempt: Attempt | null;
  /** What is sent, as JSON. */
  readonly body: string;
}
