/**
 * The endpoints for administrators. An isolate loads them when it first receives a request for one of {@link ADMIN_PATHS}. See contract.ts.
 */
import { ACCOUNTS } from "./accounts/accounts.ts";
import { AUDIT } from "./accounts/audit.ts";
import { BILLING } from "./accounts/billing.ts";
import { CREDITS } from "./accounts/credits.ts";
import { DIRECTORY } from "./accounts/directory.ts";
import { GRANTS } from "./accounts/grants.ts";
import { IMPORT } from "./accounts/import.ts";
import { INVOICES } from "./accounts/invoices.ts";
import { KEYS } from "./accounts/keys.ts";
import { PORTAL_LINKS } from "./accounts/portal-links.ts";
import { USAGE } from "./accounts/usage.ts";
import { USERS } from "./accounts/users.ts";
import { INVOICED } from "./billing/invoiced.ts";
import { RUNNING } from "./billing/running.ts";
import { REGISTER } from "./billing/register.ts";
import { USAGE_EXPORT } from "./billing/usage-export.ts";
import { DOCUMENTS } from "./documents/documents.ts";
import { type AdminAccess, routesOf } from "./endpoint.ts";
import { METRICS } from "./health/metrics.ts";
import { POLICIES } from "./policies/policies.ts";
import { POLICY_USES } from "./policies/policy-uses.ts";
import { PURGE } from "./policies/purge.ts";
import { SIMULATION } from "./policies/simulation.ts";
import { LIVE } from "./reports/live.ts";
import { REPORTS } from "./reports/reports.ts";
import { SESSIONS } from "./session/sessions.ts";
import { DELIVERIES } from "./webhooks/deliveries.ts";
import { WEBHOOKS } from "./webhooks/webhooks.ts";

export const ADMIN_CONTRACT = {
  ...METRICS,
  ...SESSIONS,
  ...POLICIES,
  ...POLICY_USES,
  ...PURGE,
  ...SIMULATION,
  // Before ACCOUNTS, whose `:id` takes its name, too.
  ...IMPORT,
  ...ACCOUNTS,
  ...DIRECTORY,
  ...USERS,
  ...GRANTS,
  ...BILLING,
  ...CREDITS,
  // Before INVOICES, whose `:invoice` takes a suffix, too.
  ...DOCUMENTS,
  ...INVOICES,
  ...REGISTER,
  ...INVOICED,
  ...RUNNING,
  ...USAGE_EXPORT,
  ...USAGE,
  ...AUDIT,
  ...KEYS,
  ...PORTAL_LINKS,
  ...WEBHOOKS,
  ...DELIVERIES,
  ...REPORTS,
  ...LIVE,
};

/** The same endpoints with their paths as Hono takes them. */
export const ADMIN_ROUTES = routesOf<AdminAccess>(ADMIN_CONTRACT);
