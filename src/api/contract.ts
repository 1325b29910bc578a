/**
 * The API as data: the endpoints of all resources by operation id. Each resource's file declares its own: method, path, access, schemas
 * and handler. Routing, authentication, 405 responses and docs/openapi.json are derived from this table. Response schemas and texts are
 * in openapi/, which the Worker must not import.
 */
import { ACCOUNTS } from "./accounts/accounts.ts";
import { AUDIT } from "./accounts/audit.ts";
import { DIRECTORY } from "./accounts/directory.ts";
import { GRANTS } from "./accounts/grants.ts";
import { KEYS } from "./accounts/keys.ts";
import { USAGE } from "./accounts/usage.ts";
import { DECISIONS } from "./decisions/decisions.ts";
import { HEALTH } from "./health/health.ts";
import { METRICS } from "./health/metrics.ts";
import { DASHBOARD } from "./pages/dashboard.ts";
import { DOCUMENTATION } from "./pages/documentation.ts";
import { POLICIES } from "./policies/policies.ts";
import { SIMULATION } from "./policies/simulation.ts";
import { LIVE } from "./reports/live.ts";
import { REPORTS } from "./reports/reports.ts";
import { SESSIONS } from "./session/sessions.ts";

export const CONTRACT = {
  ...HEALTH,
  ...DECISIONS,
  ...METRICS,
  ...DOCUMENTATION,
  ...DASHBOARD,
  ...SESSIONS,
  ...POLICIES,
  ...SIMULATION,
  ...ACCOUNTS,
  ...DIRECTORY,
  ...GRANTS,
  ...USAGE,
  ...AUDIT,
  ...KEYS,
  ...REPORTS,
  ...LIVE,
};

export type EndpointId = keyof typeof CONTRACT;
