/** The groups of endpoints, in display order. */

export const TAGS = {
  "Rate limits": "A caller's limits, and the decision API for other services.",
  Proxies: "For a proxy in front of an API: nginx, Caddy, Traefik, HAProxy, Envoy (docs/proxies.md).",
  Health:
    "For load balancers, monitoring and people. Health and readiness are never limited and open to anyone.",
  Session: "The dashboard's login: exchanges an admin token for a cookie.",
  Policy:
    "Tiers, limits and routes, as immutable revisions. Changes are compare-and-set by ETag and If-Match.",
  Accounts: "Users with a tier, overrides and grants; their usage and audit trail.",
  Billing:
    "An account's billing period, customer, budget, changes of tier and credits; invoices and credit notes.",
  Keys: "API keys of an account. A key is shown once; only its SHA-256 is stored.",
  Webhooks:
    "Events that are sent to your servers, by Standard Webhooks 1.0: endpoints, their secrets and deliveries.",
  Reports:
    "Recorded decisions as charts and tables, from sampled data: never for bills. For the exact ledger, see an account's usage.",
  Portal:
    "What an account's own customers see and change, at /portal. Only if the policy in force has `billing.portal`.",
  Dashboard: "The operators' page. It shows nothing without a session.",
  Documentation: "This document, and the page that shows it.",
} as const;

export type Tag = keyof typeof TAGS;
