/**
 * The API as data: every endpoint with its method, path, who may call it and what it takes. Routing, authentication,
 * "method not allowed" and docs/openapi.json all come from this table; what endpoints answer, and the
 * words for them, is in openapi/responses.ts, which the Worker does not carry.
 */
import { ACCOUNTS, KEYS } from "./contract/accounts.ts";
import { DASHBOARD, REPORTS, SESSIONS } from "./contract/dashboard.ts";
import { POLICIES } from "./contract/policies.ts";
import { CALLER, DOCUMENTATION } from "./contract/services.ts";

export type { Access, Endpoint } from "./endpoint.ts";

export const CONTRACT = {
  ...CALLER,
  ...DOCUMENTATION,
  ...DASHBOARD,
  ...SESSIONS,
  ...POLICIES,
  ...ACCOUNTS,
  ...KEYS,
  ...REPORTS,
};

export type EndpointId = keyof typeof CONTRACT;
