/**
 * The API as data: the endpoints of all resources by operation id. Each resource's file declares its own: method, path, access, schemas
 * and handler. Routing, authentication, 405 responses and docs/openapi.json are derived from this table. Response schemas and texts are
 * in openapi/. The Worker imports neither those nor this file, but its parts, so that it loads all but the first one on first use.
 */
import { ADMIN_CONTRACT } from "./admin-contract.ts";
import { PORTAL_CONTRACT } from "./portal/portal-contract.ts";
import { PROXY_CONTRACT } from "../proxies/proxy-contract.ts";
import { CALLER_CONTRACT } from "./caller-contract.ts";

export const CONTRACT = { ...CALLER_CONTRACT, ...PROXY_CONTRACT, ...PORTAL_CONTRACT, ...ADMIN_CONTRACT };

export type EndpointId = keyof typeof CONTRACT;
