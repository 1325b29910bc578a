/** Settling a user's reservations: what their object is asked and what it answers. Plain data. */
import type { UnitCosts } from "../core/unit-costs.ts";

/** What the request came to: the whole cost, so a unit that it does not name costs nothing. */
export interface Settle {
  readonly kind: "settle";
  readonly id: string;
  /** Of requests. */
  readonly costMilli: number;
  /** null: it cost nothing in other units. */
  readonly units: UnitCosts | null;
}

/** A heartbeat: the reservation, with its slots, lasts so long from now on, at most until the end of the hour after that it was made in. */
export interface Extend {
  readonly kind: "extend";
  readonly id: string;
  readonly extendMs: number;
}

export type ReservationCall = Settle | Extend;

/** What a settlement has charged, as the API answers it. */
export interface SettledReservation {
  readonly reservation: string;
  readonly settled: true;
  /** What it has cost. */
  readonly cost: number;
  readonly units?: Readonly<Record<string, number>>;
}

/** A reservation that still is open, as the API answers it. */
export interface ExtendedReservation {
  readonly reservation: string;
  readonly settled: false;
  /** RFC 3339 in UTC. Not later than the end of the hour after that in which it was made. */
  readonly expiresAt: string;
}

/**
 * - `done`: settled now, or within the last ten minutes: the same answer again. Or extended.
 * - `gone`: unknown, expired, or settled longer ago; or a heartbeat for a settled one.
 * - `unknown-unit`: the cost names a unit that neither the policy nor the reservation has. Nothing was settled.
 */
export type ReservationAnswer =
  | { readonly kind: "done"; readonly answer: SettledReservation | ExtendedReservation }
  | { readonly kind: "gone" }
  | { readonly kind: "unknown-unit"; readonly unit: string };
