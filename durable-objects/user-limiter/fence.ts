/**
 * Fences: a change to an account is acknowledged once no isolate decides without it any more (G4).
 *
 * An isolate decides by itself from a lease, for at most a second after it was lent, or from a denial, which it repeats for at most a
 * second. So a fence waits until the leases lent before the change are settled, or until that time has passed by a timer, never by
 * comparing clocks: the object's clock may step. Decisions never wait, and lending continues, by what has changed.
 */
import { MAX_REPEAT_MS } from "../../src/core/decision.ts";
import { CLOCK_ERROR_MS, LEASE_MS } from "../../src/core/lease.ts";
import type { Memory } from "./memory.ts";

/** What a change must wait for. */
export interface FenceScope {
  /** Leases of every key, of one, or none. */
  readonly leases: "all" | "none" | { readonly keyId: string };
  /** Denials that isolates repeat. */
  readonly denials: boolean;
}

/** The longest that a lease or a repeated denial outlives the moment it was made. */
const MAX_WAIT_MS = Math.max(LEASE_MS, MAX_REPEAT_MS) + CLOCK_ERROR_MS;

/** A row that an earlier life wrote this long before it ended may still say that leases are open. */
const CLOCK_TOLERANCE_MS = 10_000;

/** Waits until nothing that isolates decided by before this moment is in use. Call in the turn of the change. */
export async function fence(memory: Memory, { leases, denials }: FenceScope, nowMs: number): Promise<void> {
  const { loadedAtMs, unknownUntilMs, deniedUntilMs } = memory;
  const isNew = Math.abs(nowMs - loadedAtMs) < MAX_WAIT_MS;
  const hasUnknown = isNew && unknownUntilMs > 0 && unknownUntilMs + CLOCK_TOLERANCE_MS > loadedAtMs;
  const hasDenials = deniedUntilMs + CLOCK_ERROR_MS > nowMs || (isNew && memory.counters.live.size > 0);
  if ((leases !== "none" && hasUnknown) || (denials && hasDenials)) await scheduler.wait(MAX_WAIT_MS);
  else if (leases !== "none") {
    const keyId = leases === "all" ? null : leases.keyId;
    if (memory.leases.hasOpen) await Promise.race([closed(memory, keyId), scheduler.wait(MAX_WAIT_MS)]);
  }
}

/** Resolves when the leases that are open now are settled or have expired. */
function closed({ leases }: Memory, keyId: string | null): Promise<void> {
  return new Promise((done) => leases.whenClosed(keyId, done));
}
