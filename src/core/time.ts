/** Lengths of time in milliseconds. UTC has no daylight saving time and Unix time no leap seconds, so each has one length. */
export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** An hour of the ledger freezes so many hours after it has ended: the longest that a settlement is waited for. */
export const OPEN_HOURS = 2;
