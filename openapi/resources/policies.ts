/** The policy and its revisions: response schemas and texts. */
import * as z from "zod/mini";
import { reason } from "../../src/api/fields.ts";
import { type PolicyDocument, policySchema } from "../../src/policy/schema.ts";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, PAGE, REASON, type ResponseNotes } from "../notes.ts";
import { faultSchema, faultsSchema } from "../problem-schema.ts";
import { count, moment, nextCursor, words } from "../scalars.ts";
import "./policy-document.ts";
import { policyUseSchema } from "./policy-uses.ts";

const revisionFields = {
  revision: count("Numbered from 1; 0 is the policy that ships with the Worker."),
  createdAt: moment("When it was put into force."),
  actor: words("Who put it into force."),
  reason: words("Why."),
  restores: about("The earlier revision that it restores.", z.nullable(z.int())),
};

const warningSchema = named(
  "PolicyWarning",
  "An effect of a policy that its author may not intend.",
  z.strictObject({ ...faultSchema.shape, inUse: z.optional(policyUseSchema) }),
);
const warnings = () =>
  about(
    "What accounts use and the policy lacks, with `inUse` (PUT rejects it without `force`), and what could not be checked.",
    z.array(warningSchema),
  );

export const revisionInfoSchema = named(
  "RevisionInfo",
  "A revision without its document.",
  z.strictObject(revisionFields),
);
export type RevisionInfoResponse = z.infer<typeof revisionInfoSchema>;

export const revisionSchema = named(
  "Revision",
  "A revision of the policy. Immutable.",
  z.strictObject({ ...revisionFields, document: policySchema }),
);
export type RevisionResponse = z.infer<typeof revisionSchema>;

export const newRevisionSchema = named(
  "NewRevision",
  "The revision now in force.",
  z.strictObject({
    ...revisionFields,
    published: about("Whether all locations can read it already; if not, they will shortly.", z.boolean()),
    warnings: warnings(),
  }),
);
export type NewRevisionResponse = z.infer<typeof newRevisionSchema>;

export const revisionsSchema = z.strictObject({
  revisions: z.array(revisionInfoSchema),
  cursor: nextCursor(),
});
export type RevisionsResponse = z.infer<typeof revisionsSchema>;

export const verdictSchema = named(
  "PolicyVerdict",
  "Whether a document could be put into force; if not, its faults.",
  z.strictObject({ valid: z.boolean(), errors: faultsSchema, warnings: warnings() }),
);
export type PolicyVerdictResponse = z.infer<typeof verdictSchema>;

export const DOCUMENT: PolicyDocument = {
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
} satisfies RevisionInfoResponse;

const FORCE = "Apply the policy even if accounts use tiers or limits that it lacks.";

/** Checked by the policy's schema: the faults of an invalid document are part of the response. */
export const ANY_DOCUMENT = "Any value; should be a policy.";

const withETag = (response: ResponseNotes): ResponseNotes => ({ ...response, headers: ["ETag"] });

const wholeRevision = (description: string): ResponseNotes =>
  withETag(answer(200, description, revisionSchema, { revision: { ...INFO, document: DOCUMENT } }));

const inForce = (restores: number | null): ResponseNotes =>
  withETag(
    answer(200, "The revision is in force.", newRevisionSchema, {
      revision: { ...INFO, revision: 8, restores, published: true, warnings: [] },
    }),
  );

const getPolicy: OperationNotes = {
  tag: "Policy",
  summary: "The policy in force",
  description: "With the ETag that a change requires.",
  responses: [wholeRevision("The newest revision.")],
};

const putPolicy: OperationNotes = {
  tag: "Policy",
  summary: "Put a policy into force, unless it has changed in the meantime",
  description:
    "A document with any fault changes nothing, and neither does one that lacks tiers or limits in use, unless forced. It applies here at once and everywhere within a minute; no object returns to an older revision.",
  body: {
    fields: { document: "The whole policy.", reason: REASON, force: FORCE },
    // The contract accepts any document, to report its faults with their place.
    schema: z.strictObject({ document: policySchema, reason, force: z.optional(z.boolean()) }),
    examples: {
      policy: { document: DOCUMENT, reason: "Twice as much for pro" },
      "by force": { document: DOCUMENT, reason: "Gold is gone", force: true },
    },
  },
  responses: [inForce(null)],
  problems: ["conflict"],
};

const validatePolicy: OperationNotes = {
  tag: "Policy",
  summary: "Every fault of a policy, without changing anything",
  description:
    "The same checks as for a change, with the result as data. Warnings come from the account directory, which follows changes within about a second. Each administrator may spend 600 tokens per minute; a document costs one token per 16 KiB or part of it.",
  body: {
    fields: { document: ANY_DOCUMENT },
    examples: { policy: { document: DOCUMENT }, invalid: { document: { schema: 1 } } },
  },
  responses: [
    answer(200, "The verdict.", verdictSchema, {
      valid: { valid: true, errors: [], warnings: [] },
      "in use": {
        valid: true,
        errors: [],
        warnings: [
          {
            path: "/tiers/gold",
            message:
              '2 accounts have the tier "gold", which this policy lacks: they would be limited by the default tier "free" (acme, bob)',
            inUse: { kind: "tier", tier: "gold", limit: null, accounts: 2, examples: ["acme", "bob"] },
          },
        ],
      },
      invalid: {
        valid: false,
        errors: [
          { path: "/tiers", message: "is missing: expected record" },
          { path: "/routes", message: "is missing: expected array" },
          { path: "/anonymousTier", message: "is missing: expected string" },
          { path: "/defaultTier", message: "is missing: expected string" },
        ],
        warnings: [],
      },
    }),
  ],
};

const listRevisions: OperationNotes = {
  tag: "Policy",
  summary: "All revisions, newest first",
  description: "Without their documents.",
  query: PAGE,
  responses: [
    answer(200, "A page of revisions.", revisionsSchema, { page: { revisions: [INFO], cursor: "Nw" } }),
  ],
};

const getRevision: OperationNotes = {
  tag: "Policy",
  summary: "One revision with its document",
  description: "Revision 0 is the policy that ships with the Worker.",
  responses: [wholeRevision("The revision.")],
  problems: ["not_found"],
};

const activateRevision: OperationNotes = {
  tag: "Policy",
  summary: "Roll back to an earlier revision, as a new one",
  description:
    "Adds the earlier document again as the newest revision, so that numbers only increase. Without If-Match it replaces whatever is in force. Like a new policy, it is rejected if it lacks tiers or limits in use, unless forced.",
  body: {
    fields: { reason: REASON, force: FORCE },
    examples: { reason: { reason: "Revision 6 was a mistake" } },
  },
  responses: [inForce(5)],
  problems: ["not_found", "conflict"],
};

export const POLICIES_NOTES = {
  getPolicy,
  putPolicy,
  validatePolicy,
  listRevisions,
  getRevision,
  activateRevision,
};
