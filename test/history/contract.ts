/** What the code under test promises so far. Each becomes true with the change that keeps it, and is then deleted. */
export const CONTRACT = {
  /** R10, R11: an acknowledged change holds everywhere, also in isolates that hold leases and denials. */
  fences: true,
  /** R10: an admin call that is sent again changes nothing again. */
  idempotentCalls: true,
  /** R10, R12: until a change, buckets refill as fast as before it. */
  refillsByOldLimits: true,
  /** R4: what an isolate spent is metered if it is settled within 12 s after the lease's end. */
  metersLate: true,
  /** G5: usage is billed in the hour in which it was admitted, also if it is settled later and with another life of the object. */
  metersInItsHour: true,
  /** An isolate sends a settlement again that did not arrive. */
  settlesAgain: true,
};
