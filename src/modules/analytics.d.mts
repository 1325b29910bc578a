/** The hub's sums, points, viewers, reports and simulations, as scripts/build-modules.ts builds them. */
export {
  AnalyticsStore,
  HubSums,
  LiveViewers,
  simulate,
} from "../../durable-objects/analytics-store/module.ts";
