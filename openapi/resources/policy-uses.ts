/** What accounts use of the policy: response schemas and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes } from "../notes.ts";
import { count, words } from "../scalars.ts";

export const policyUseSchema = named(
  "PolicyUse",
  "What some accounts use of a policy.",
  z.strictObject({
    kind: about(
      "`tier`: their tier. `override`: their own numbers for a limit of it. `grant`: an extra for one.",
      z.enum(["tier", "override", "grant"]),
    ),
    tier: words("Their tier."),
    limit: about("The limit; null for the tier itself.", z.nullable(z.string())),
    accounts: count("Their number; for each use, 100,000 at most are counted."),
    examples: about("Some of their ids.", z.array(z.string()).check(z.maxLength(5))),
  }),
);

export const policyUsesSchema = z.strictObject({
  uses: about("At most 200.", z.array(policyUseSchema).check(z.maxLength(200))),
  complete: about("Whether these are all: an older Worker may have reported some accounts.", z.boolean()),
});
export type PolicyUsesResponse = z.infer<typeof policyUsesSchema>;

const listPolicyUses: OperationNotes = {
  tag: "Policy",
  summary: "How many accounts use each tier, and each limit by overrides or grants",
  description:
    "From the account directory, which follows changes within about a second. Tokens and calls of the decision API that name a tier are not counted. Costs 10 tokens of the 600 per minute that an administrator may spend on validations.",
  responses: [
    answer(200, "What accounts use.", policyUsesSchema, {
      uses: {
        uses: [
          { kind: "tier", tier: "free", limit: null, accounts: 14, examples: ["acme", "bob"] },
          { kind: "override", tier: "free", limit: "minute", accounts: 1, examples: ["acme"] },
        ],
        complete: true,
      },
    }),
  ],
};

export const POLICY_USES_NOTES = { listPolicyUses };
