/** What isolates must not decide by any more after a change. Pure data: modules that are loaded on first use have a copy. */
import type { FenceScope } from "./fence.ts";

/** All changes that decide anything, but for those that only add: also a repeated denial says what was true before. */
export const BOTH: FenceScope = { leases: "all", denials: true };
/** Changes that only add: a lease of before admits no more than without them. */
export const DENIALS: FenceScope = { leases: "none", denials: true };
/** Changes that decide nothing. */
export const NOTHING: FenceScope = { leases: "none", denials: false };
