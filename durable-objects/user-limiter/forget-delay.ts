/** When an address is forgotten, counted from the moment when its counters came to rest. Pure. */
import { crc32 } from "../../src/identity/crc32.ts";

/** Longer than KV's lag, so that the policy revision that is forgotten with the address is known everywhere by then. */
const MIN_DELAY_MS = 300_000;

/**
 * Addresses that come to rest together are forgotten over this long: each alarm wakes an object, and thousands at once after a flood
 * would delay the decisions of others. A longer time would keep storage of idle addresses for nothing.
 */
const SPREAD_MS = 240_000;

/** Five to nine minutes in ms, always the same for an object's name. Similar names get delays far apart. */
export function forgetDelayMs(name: string): number {
  return MIN_DELAY_MS + Math.floor((crc32(name) / 2 ** 32) * SPREAD_MS);
}
