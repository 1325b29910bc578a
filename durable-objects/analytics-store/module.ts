/**
 * What the hub needs to count, to store points, to show them live, and to compute reports and simulations. src/modules/analytics.mjs is built from this file, and an
 * isolate loads it when it hosts a hub (src/analytics-module.ts). Keeps no state but what it is given.
 */
export { simulate } from "../../src/simulation/simulate.ts";
export { HubSums } from "../metrics-hub/hub-sums.ts";
export { LiveViewers } from "../metrics-hub/live-viewers.ts";
export { AnalyticsStore } from "./analytics-store.ts";
