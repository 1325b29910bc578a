/**
 * Ends loops: a request that comes back to a gateway, since some upstream leads there, carries the number of gateways that it has passed.
 *
 * Clients can raise the number, which harms only themselves, but not take it away: each gateway adds one to what it gets.
 */
import { HOPS_HEADER } from "../header-names.ts";

/** Gateways that a request may pass: a few may well stand in a row. One more is a loop. */
export const MAX_HOPS = 5;

const COUNT = /^\d{1,3}$/;

/** The gateways that a request has passed so far. Anything but a small number counts as {@link MAX_HOPS}: no gateway writes it. */
export function hopsOf(headers: Headers): number {
  const count = headers.get(HOPS_HEADER);
  if (count === null) return 0;
  return COUNT.test(count) ? Number(count) : MAX_HOPS;
}
