/** What isolates must not decide by any more after a change. Pure data: modules that are loaded on first use have a copy. */
import type { FenceScope } from "./fence.ts";

/** Changes that may admit less, or more and less. */
export const LEASES: FenceScope = { leases: "all", denials: false };
export const BOTH: FenceScope = { leases: "all", denials: true };
/** Changes that admit more. */
export const DENIALS: FenceScope = { leases: "none", denials: true };
/** Changes that decide nothing. */
export const NOTHING: FenceScope = { leases: "none", denials: false };
