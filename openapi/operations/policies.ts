/** Examples and answers of the policy endpoints. */
import type * as z from "zod/mini";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { activationSchema, policyCheckSchema, simulationSchema } from "../../src/api/schemas.ts";
import {
  newRevisionSchema,
  revisionInfoSchema,
  revisionSchema,
  revisionsSchema,
  verdictSchema,
} from "../bodies/policy.ts";
import { simulationAnswerSchema } from "../bodies/simulation.ts";
import { json, type Notes } from "../notes.ts";
import { wholePolicyChangeSchema } from "../requests.ts";

const DOCUMENT: PolicyDocument = {
  schema: 1,
  anonymousTier: "anonymous",
  defaultTier: "free",
  tiers: {
    anonymous: { limits: [{ name: "minute", kind: "bucket", tokens: 30, per: "minute", burst: 45 }] },
    free: {
      limits: [
        { name: "minute", kind: "bucket", tokens: 100, per: "minute", burst: 150 },
        { name: "month", kind: "quota", amount: 50_000, per: "month" },
      ],
    },
    pro: {
      limits: [{ name: "minute", kind: "bucket", tokens: 1_000, per: "minute", burst: 1_500 }],
      price: { monthly: 99, currency: "USD" },
    },
  },
  routes: [{ match: "/identify" }, { match: "/compare", cost: 2 }, { match: "/reports/*", auth: "required" }],
};

const INFO = {
  revision: 7,
  createdAt: "2026-11-21T01:27:12.585Z",
  actor: "admin-token",
  reason: "Twice as much for pro",
  restores: null,
} satisfies z.infer<typeof revisionInfoSchema>;

const whole = (description: string): Notes["answers"][0] => ({
  status: 200,
  description,
  contents: [json(revisionSchema, { revision: { ...INFO, document: DOCUMENT } })],
  headers: ["ETag"],
});

const changed = (restores: number | null): Notes["answers"][0] => ({
  status: 200,
  description: "It is in force.",
  contents: [
    json(newRevisionSchema, { revision: { ...INFO, revision: 8, restores, published: true, warnings: [] } }),
  ],
  headers: ["ETag"],
});

const getPolicy: Notes = {
  tag: "Policy",
  summary: "The policy in force",
  description: "With the ETag that a change needs.",
  answers: [whole("The newest revision.")],
};

const putPolicy: Notes = {
  tag: "Policy",
  summary: "Put a policy into force, if nobody else was faster",
  description:
    "A document with any fault changes nothing, and neither does one that lacks tiers or limits which accounts use, unless with `force`. It is in force here at once and within a minute everywhere; objects never decide by an older one.",
  request: [
    json(wholePolicyChangeSchema, {
      policy: { document: DOCUMENT, reason: "Twice as much for pro" },
      "by force": { document: DOCUMENT, reason: "Gold is gone", force: true },
    }),
  ],
  answers: [changed(null)],
  problems: ["conflict"],
};

const validatePolicy: Notes = {
  tag: "Policy",
  summary: "Every fault of a policy, with nothing changed",
  description:
    "The same checks as for a change, and their answer as data. Warnings compare with the accounts of the directory, which follows them within a second or so. Each administrator may spend 600 tokens per minute; a document costs one token for each 16 KiB or part of it.",
  request: [
    json(policyCheckSchema, { policy: { document: DOCUMENT }, rubbish: { document: { schema: 1 } } }),
  ],
  answers: [
    {
      status: 200,
      description: "The verdict.",
      contents: [
        json(verdictSchema, {
          valid: { valid: true, errors: [], warnings: [] },
          "in use": {
            valid: true,
            errors: [],
            warnings: [
              {
                path: "/tiers/gold",
                message:
                  '2 accounts have the tier "gold", which this policy lacks: they would be limited by the default tier "free" (acme, bob)',
              },
            ],
          },
          invalid: {
            warnings: [],
            valid: false,
            errors: [
              { path: "/tiers", message: "Invalid input: expected record, received undefined" },
              { path: "/routes", message: "Invalid input: expected array, received undefined" },
              { path: "/anonymousTier", message: "Invalid input: expected string, received undefined" },
              { path: "/defaultTier", message: "Invalid input: expected string, received undefined" },
            ],
          },
        }),
      ],
    },
  ],
};

const AFFECTED = { account: "user:acme", route: "/compare", tier: "free", requests: 1_000 };

const simulatePolicy: Notes = {
  tag: "Policy",
  summary: "Who would have been denied or let in by a policy that is not in force",
  description:
    "Replays the newest 50,000 recorded decisions of the range by the policy in force and by the given one, both from empty counters, through the code that decides. Accounts' own numbers and grants are not known to the record, nor the path behind a route's pattern. Each administrator may run 12 per minute.",
  request: [json(simulationSchema, { policy: { document: DOCUMENT }, rubbish: { document: { schema: 1 } } })],
  answers: [
    {
      status: 200,
      description: "What would have changed, or the document's faults.",
      contents: [
        json(simulationAnswerSchema, {
          result: {
            valid: true,
            errors: [],
            result: {
              from: "2026-11-21T08:00:00.000Z",
              to: "2026-11-21T09:00:00.000Z",
              revision: 7,
              decisions: 48_210,
              sampled: false,
              truncated: false,
              firstAt: "2026-11-21T08:00:00.120Z",
              lastAt: "2026-11-21T08:59:58.120Z",
              totals: {
                recorded: { allowed: 47_000, denied: 1_210 },
                before: { allowed: 47_000, denied: 1_210 },
                after: { allowed: 46_000, denied: 2_210 },
              },
              newlyDenied: [AFFECTED],
              newlyAllowed: [],
              changedAccounts: { denied: 1, allowed: 0 },
            },
          },
          invalid: {
            valid: false,
            errors: [{ path: "/tiers", message: "Invalid input: expected record, received undefined" }],
            result: null,
          },
        }),
      ],
    },
  ],
  problems: ["not_configured"],
};

const listRevisions: Notes = {
  tag: "Policy",
  summary: "All revisions, newest first",
  description: "Without their documents.",
  answers: [
    {
      status: 200,
      description: "A page of revisions.",
      contents: [json(revisionsSchema, { page: { revisions: [INFO], cursor: "Nw" } })],
    },
  ],
};

const getRevision: Notes = {
  tag: "Policy",
  summary: "One revision with its document",
  description: "Revision 0 is the policy that ships with the Worker.",
  answers: [whole("The revision.")],
  problems: ["not_found"],
};

const activateRevision: Notes = {
  tag: "Policy",
  summary: "Bring an earlier revision back, as a new one",
  description:
    "Adds its document again as the newest revision, so numbers only ever grow. Without If-Match: whatever is in force now. Like a new policy, it is rejected if it lacks what accounts use, unless forced.",
  request: [json(activationSchema, { reason: { reason: "Revision 6 was a mistake" } })],
  answers: [changed(5)],
  problems: ["not_found", "conflict"],
};

export const POLICIES = {
  getPolicy,
  putPolicy,
  validatePolicy,
  simulatePolicy,
  listRevisions,
  getRevision,
  activateRevision,
};
