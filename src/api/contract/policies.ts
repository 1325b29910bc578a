/** What administrators do with policies. */
import {
  activationSchema,
  pageQuery,
  policyChangeSchema,
  policyCheckSchema,
  simulationSchema,
} from "../schemas.ts";
import { ADMIN, type Endpoint } from "./endpoint.ts";

export const POLICIES = {
  getPolicy: { method: "GET", path: `${ADMIN}/policy`, access: "viewer", summary: "The policy in force" },
  putPolicy: {
    method: "PUT",
    path: `${ADMIN}/policy`,
    access: "admin",
    summary: "Put a policy into force, if nobody else was faster",
    body: policyChangeSchema,
    ifMatch: "required",
  },
  validatePolicy: {
    method: "POST",
    path: `${ADMIN}/policy/validate`,
    access: "viewer",
    summary: "Every fault of a policy, with nothing changed",
    body: policyCheckSchema,
  },
  simulatePolicy: {
    method: "POST",
    path: `${ADMIN}/simulate`,
    access: "viewer",
    summary: "Who would have been denied or let in by a policy that is not in force",
    body: simulationSchema,
  },
  listRevisions: {
    method: "GET",
    path: `${ADMIN}/policy/revisions`,
    access: "viewer",
    summary: "All revisions, newest first",
    query: pageQuery,
  },
  getRevision: {
    method: "GET",
    path: `${ADMIN}/policy/revisions/:n`,
    access: "viewer",
    summary: "One revision with its document",
  },
  activateRevision: {
    method: "POST",
    path: `${ADMIN}/policy/revisions/:n/activate`,
    access: "admin",
    summary: "Bring an earlier revision back, as a new one",
    body: activationSchema,
    ifMatch: "optional",
  },
} as const satisfies Record<string, Endpoint>;
