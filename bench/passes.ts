/** How often a request passes the gateway of bench/workers/repeating. */
export const PASSES = 100;
