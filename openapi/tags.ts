/** The groups of endpoints, in the order in which they are shown. */

export const TAGS = {
  "Rate limits": "What a caller may do, and the decision API for other services.",
  Health: "For load balancers and people. Never limited, and open to anybody.",
  Session: "The dashboard's log-in: an admin token in exchange for a cookie.",
  Policy:
    "Tiers, limits and routes, as immutable revisions. Changes are compare-and-set by ETag and If-Match.",
  Accounts: "Users with a tier, numbers of their own and grants; what they used, and who changed them.",
  Keys: "API keys of an account. A key is shown once; only its SHA-256 is kept.",
  Reports:
    "What was decided, for charts and tables: from sampled decisions, never for bills. The exact ledger is an account's usage.",
  Dashboard: "The page that operators keep open. It shows nothing without a session.",
  Documentation: "This document, and the page that shows it.",
} as const;

export type Tag = keyof typeof TAGS;
