/**
 * What the hub needs to store points and to compute reports and simulations. src/modules/analytics.mjs is built from this file, and an
 * isolate loads it when it hosts a hub (src/analytics-module.ts). Keeps no state but what it is given.
 */
export { simulate } from "../../src/simulation/simulate.ts";
export { AnalyticsStore } from "./analytics-store.ts";
