/** The hub's points, reports and simulations, as scripts/build-modules.ts builds them. */
export { AnalyticsStore, simulate } from "../../durable-objects/analytics-store/module.ts";
