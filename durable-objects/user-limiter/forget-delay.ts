/** How long after its counters came to rest an address is forgotten. Pure. */
import { crc32 } from "../../src/identity/crc32.ts";

/** Longer than KV's lag: the policy revision that is forgotten with the address is known everywhere after this time. */
const MIN_DELAY_MS = 300_000;

/**
 * Addresses that come to rest together are forgotten over this time: each alarm wakes an object, and thousands at once after a flood
 * would delay the decisions of others. A longer time would only keep the storage of idle addresses longer.
 */
const SPREAD_MS = 240_000;

/** Five to nine minutes in ms, constant for an object's name. Similar names get very different delays. */
export function forgetDelayMs(name: string): number {
  return MIN_DELAY_MS + Math.floor((crc32(name) / 2 ** 32) * SPREAD_MS);
}
