/**
 * What every endpoint of the contract answers, with its schema, headers, problems and real examples; and examples of what it
 * takes. Only docs/openapi.json and the tests are made from it: the Worker must never import it.
 */
import type { EndpointId } from "../src/api/contract.ts";
import type { Notes } from "./notes.ts";
import { ACCOUNTS } from "./operations/accounts.ts";
import { DOCUMENTATION } from "./operations/documentation.ts";
import { DASHBOARD } from "./operations/dashboard.ts";
import { KEYS } from "./operations/keys.ts";
import { POLICIES } from "./operations/policies.ts";
import { RATE_LIMITS } from "./operations/rate-limits.ts";
import { REPORTS } from "./operations/reports.ts";
import { SESSIONS } from "./operations/sessions.ts";

export const RESPONSES: Record<EndpointId, Notes> = {
  ...RATE_LIMITS,
  ...DOCUMENTATION,
  ...DASHBOARD,
  ...SESSIONS,
  ...POLICIES,
  ...ACCOUNTS,
  ...KEYS,
  ...REPORTS,
};
