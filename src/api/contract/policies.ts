/** What administrators do with policies. */
import {
  activationSchema,
  pageQuery,
  policyChangeSchema,
  policyCheckSchema,
  simulationSchema,
} from "../schemas.ts";
import { ADMIN, type Endpoint } from "../endpoint.ts";

export const POLICIES = {
  getPolicy: { method: "GET", path: `${ADMIN}/policy`, access: "viewer" },
  putPolicy: {
    method: "PUT",
    path: `${ADMIN}/policy`,
    access: "admin",
    body: policyChangeSchema,
    ifMatch: "required",
  },
  validatePolicy: {
    method: "POST",
    path: `${ADMIN}/policy/validate`,
    access: "viewer",
    body: policyCheckSchema,
  },
  simulatePolicy: {
    method: "POST",
    path: `${ADMIN}/simulate`,
    access: "viewer",
    body: simulationSchema,
  },
  listRevisions: {
    method: "GET",
    path: `${ADMIN}/policy/revisions`,
    access: "viewer",
    query: pageQuery,
  },
  getRevision: {
    method: "GET",
    path: `${ADMIN}/policy/revisions/:n`,
    access: "viewer",
  },
  activateRevision: {
    method: "POST",
    path: `${ADMIN}/policy/revisions/:n/activate`,
    access: "admin",
    body: activationSchema,
    ifMatch: "optional",
  },
} as const satisfies Record<string, Endpoint>;
