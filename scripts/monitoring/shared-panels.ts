/** Panels that both dashboards have, each with the query of its data source. Pure. */
import type { Panel, Query } from "./dashboard.ts";

export function deniedShare(width: number, query: Query): Panel {
  return {
    title: "Denied",
    description: "Share of decided requests that were denied by a limit.",
    type: "stat",
    unit: "percentunit",
    width,
    redFrom: 0.25,
    queries: [query],
  };
}

export function errorShare(width: number, query: Query): Panel {
  return {
    title: "Errors",
    description: "Share of requests that failed because of the limiter or an upstream.",
    type: "stat",
    unit: "percentunit",
    width,
    redFrom: 0.05,
    queries: [query],
  };
}

export function requestsByOutcome(query: Query): Panel {
  const description = "Allowed, denied by a limit, rejected for another reason (turned_away), or failed.";
  return stackedRequests("Requests by outcome", description, query);
}

export function decisionsBySource(query: Query): Panel {
  const description =
    "Leases and the deny cache decide without a call to the user's object; fallback is the failure policy.";
  return stackedRequests("Decisions by source", description, query);
}

export function denialsByLimit(query: Query): Panel {
  return stackedRequests("Denials by limit", "Denied requests by the limit that denied them.", query);
}

/** Requests per second in stacked series, half as wide as the dashboard. */
export function stackedRequests(title: string, description: string, query: Query): Panel {
  return {
    title,
    description,
    type: "timeseries",
    unit: "reqps",
    width: 12,
    stacked: true,
    queries: [query],
  };
}
