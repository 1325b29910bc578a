/** How callers identify themselves, and which credentials each kind of access takes. */
import { ACCESS_HEADER } from "../src/identity/admin/cloudflare-access.ts";
import { includesRole, ROLES } from "../src/identity/admin/role.ts";
import type { Access } from "../src/api/endpoint.ts";
import { PROXY_KEY_HEADER } from "../src/proxies/proxy-key.ts";
import type { JsonObject } from "./schema-book.ts";

export const SECURITY_SCHEMES = {
  apiKey: {
    type: "apiKey",
    in: "header",
    name: "X-API-Key",
    description: "An API key of an account: `el_live_...` or `el_test_...`.",
  },
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "An API key, or a JSON Web Token of the issuer that the deployment trusts.",
  },
  proxyKey: {
    type: "apiKey",
    in: "header",
    name: PROXY_KEY_HEADER,
    description:
      "An API key with the scope `check`, which the proxy adds. Its client's credentials are in the other headers.",
  },
  adminToken: { type: "http", scheme: "bearer", description: "An admin token of the deployment." },
  session: {
    type: "apiKey",
    in: "cookie",
    name: "__Secure-el_session",
    description:
      "The dashboard's session, set by POST /api/v1/admin/session. Requests from pages of other sites are rejected. Over plain http, as on a local machine, its name is `el_session`.",
  },
  portalSession: {
    type: "apiKey",
    in: "cookie",
    name: "__Secure-el_portal",
    description:
      "A customer's session, set by POST /api/v1/portal/session. Changes from pages of other sites are rejected. Over plain http, as on a local machine, its name is `el_portal`.",
  },
  cloudflareAccess: {
    type: "apiKey",
    in: "header",
    name: ACCESS_HEADER,
    description: "The assertion signed by Cloudflare Access, if the deployment is behind it.",
  },
} satisfies JsonObject;

const ADMINISTRATOR = [{ adminToken: [] }, { session: [] }, { cloudflareAccess: [] }];

/** Any one of these suffices. An empty list: anyone. An empty entry: also without a credential. */
export function securityOf(access: Access): JsonObject[] {
  switch (access) {
    case "none":
      return [];
    case "caller":
      return [{ apiKey: [] }, { bearer: [] }, {}];
    case "check":
      return [{ apiKey: [] }, { bearer: [] }];
    case "proxy":
      return [{ proxyKey: [] }];
    case "portal":
    case "portal-link":
      return [{ portalSession: [] }];
    case "viewer":
    case "operator":
    case "admin":
      return ADMINISTRATOR;
  }
}

/** A sentence about the required role, or null if none is required. */
export function roleNote(access: Access): string | null {
  if (access === "portal") return "For customers with a session of the portal.";
  if (access === "portal-link") return "For customers with a session of the portal that began with a link.";
  const role = ROLES.find((known) => known === access);
  if (!role) return null;
  const enough = ROLES.filter((other) => includesRole(other, role)).map((other) => `\`${other}\``);
  return `For administrators: ${enough.join(", ")}.`;
}
