/**
 * The OpenAPI document: the contract (src/api/contract.ts) with the texts and response schemas of openapi/resources/. Deterministic.
 * scripts/openapi.ts writes it to docs/openapi.json. The Worker must never import it.
 */
import { CONTRACT, type EndpointId } from "../src/api/contract.ts";
import type { Endpoint } from "../src/api/endpoint.ts";
import { HEADERS } from "./headers.ts";
import type { OperationNotes } from "./notes.ts";
import { operation } from "./operation.ts";
import { templateOf } from "./parameters.ts";
import { ProblemResponses } from "./problem-responses.ts";
import { ACCOUNTS_NOTES } from "./resources/accounts.ts";
import { AUDIT_NOTES } from "./resources/audit.ts";
import { BILLING_NOTES } from "./resources/billing.ts";
import { CREDITS_NOTES } from "./resources/credits.ts";
import { DECISIONS_NOTES } from "./resources/decisions.ts";
import { DELIVERIES_NOTES } from "./resources/deliveries.ts";
import { DIRECTORY_NOTES } from "./resources/directory.ts";
import { GRANTS_NOTES } from "./resources/grants.ts";
import { IMPORT_NOTES } from "./resources/import.ts";
import { INVOICES_NOTES } from "./resources/invoices.ts";
import { INVOICED_NOTES } from "./resources/invoiced.ts";
import { RUNNING_NOTES } from "./resources/running.ts";
import { REGISTER_NOTES } from "./resources/register.ts";
import { DOCUMENTS_NOTES } from "./resources/documents.ts";
import { HEALTH_NOTES } from "./resources/health.ts";
import { KEYS_NOTES } from "./resources/keys.ts";
import { LIVE_NOTES } from "./resources/live.ts";
import { PAGES_NOTES } from "./resources/pages.ts";
import { POLICIES_NOTES } from "./resources/policies.ts";
import { PORTAL_ACCOUNT_NOTES } from "./resources/portal-account.ts";
import { PORTAL_BILLING_NOTES } from "./resources/portal-billing.ts";
import { PORTAL_INVOICES_NOTES } from "./resources/portal-invoices.ts";
import { PORTAL_KEYS_NOTES } from "./resources/portal-keys.ts";
import { PORTAL_LINKS_NOTES } from "./resources/portal-links.ts";
import { PORTAL_PAGES_NOTES } from "./resources/portal-pages.ts";
import { PORTAL_SESSIONS_NOTES } from "./resources/portal-sessions.ts";
import { PROXIES_NOTES } from "./resources/proxies.ts";
import { POLICY_USES_NOTES } from "./resources/policy-uses.ts";
import { PURGE_NOTES } from "./resources/purge.ts";
import { REPORTS_NOTES } from "./resources/reports.ts";
import { SESSIONS_NOTES } from "./resources/sessions.ts";
import { SIMULATION_NOTES } from "./resources/simulation.ts";
import { STRIPE_NOTES } from "./resources/stripe.ts";
import { USAGE_NOTES } from "./resources/usage.ts";
import { USAGE_EXPORT_NOTES } from "./resources/usage-export.ts";
import { USERS_NOTES } from "./resources/users.ts";
import { WEBHOOKS_NOTES } from "./resources/webhooks.ts";
import { type JsonObject, SchemaBook } from "./schema-book.ts";
import { SECURITY_SCHEMES } from "./security.ts";
import { TAGS } from "./tags.ts";

/** The newest version that generators and Swagger UI support well. Its schemas are plain JSON Schema 2020-12. */
const OPENAPI = "3.1.1";

const DESCRIPTION = `Requests outside \`/api/v1\`, \`/docs\`, \`/dashboard\`, \`/health\`, \`/ready\` and, if the policy has a portal, \`/portal\` are matched
against the policy's routes, limited and forwarded upstream. This document describes the other paths.

Every error is a problem (RFC 9457). Unknown fields of a body are rejected, and so are unknown parameters of an endpoint that
takes any. Other methods of a path are 405 with \`Allow\`.
A response of 500 is a bug; the logs contain its \`requestId\`.`;

const NOTES: Readonly<Record<EndpointId, OperationNotes>> = {
  ...HEALTH_NOTES,
  ...DECISIONS_NOTES,
  ...PROXIES_NOTES,
  ...PAGES_NOTES,
  ...SESSIONS_NOTES,
  ...POLICIES_NOTES,
  ...POLICY_USES_NOTES,
  ...PURGE_NOTES,
  ...SIMULATION_NOTES,
  ...ACCOUNTS_NOTES,
  ...IMPORT_NOTES,
  ...DIRECTORY_NOTES,
  ...USERS_NOTES,
  ...GRANTS_NOTES,
  ...BILLING_NOTES,
  ...CREDITS_NOTES,
  ...INVOICES_NOTES,
  ...REGISTER_NOTES,
  ...INVOICED_NOTES,
  ...RUNNING_NOTES,
  ...STRIPE_NOTES,
  ...USAGE_EXPORT_NOTES,
  ...DOCUMENTS_NOTES,
  ...USAGE_NOTES,
  ...AUDIT_NOTES,
  ...KEYS_NOTES,
  ...PORTAL_SESSIONS_NOTES,
  ...PORTAL_ACCOUNT_NOTES,
  ...PORTAL_BILLING_NOTES,
  ...PORTAL_INVOICES_NOTES,
  ...PORTAL_KEYS_NOTES,
  ...PORTAL_PAGES_NOTES,
  ...PORTAL_LINKS_NOTES,
  ...WEBHOOKS_NOTES,
  ...DELIVERIES_NOTES,
  ...REPORTS_NOTES,
  ...LIVE_NOTES,
};

/** @param version of the product. @throws Error if texts and contract do not match. */
export async function openApiDocument(version: string): Promise<JsonObject> {
  const book = new SchemaBook();
  const problems = new ProblemResponses();
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const id of Object.keys(CONTRACT).filter(isEndpointId)) {
    const endpoint: Endpoint = CONTRACT[id];
    const path = (paths[templateOf(endpoint.path)] ??= {});
    path[endpoint.method.toLowerCase()] = await operation(id, endpoint, NOTES[id], book, problems);
  }
  return {
    openapi: OPENAPI,
    info: {
      title: "Edge Limiter",
      version,
      summary: "Exact rate limits, quotas and usage metering for HTTP APIs.",
      description: DESCRIPTION,
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: book.components,
      responses: problems.components,
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function isEndpointId(id: string): id is EndpointId {
  return Object.hasOwn(CONTRACT, id);
}
