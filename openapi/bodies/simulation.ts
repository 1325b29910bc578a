/** What a simulation answers, as schemas. */
import * as z from "zod/mini";
import { about, named } from "../said.ts";
import { verdictSchema } from "./policy.ts";
import { count, moment, momentOrNull, words } from "./scalars.ts";

const totals = z.strictObject({ allowed: count("Requests let in."), denied: count("Requests refused.") });
const affected = named(
  "Affected",
  "Requests of one account on one route that only one of the policies lets in.",
  z.strictObject({
    account: words("The subject: `user:<id>` or `ip:<address>`."),
    route: words("The route's id; empty where a cost was named only."),
    tier: words("Decided by."),
    requests: count("So many."),
  }),
);
const list = (description: string) => about(description, z.array(affected).check(z.maxLength(100)));

const result = named(
  "Simulation",
  "What would have changed.",
  z.strictObject({
    from: moment("Beginning of the range."),
    to: moment("Its end, exclusive."),
    revision: count("Of the policy in force."),
    decisions: count("Requests that were replayed; 0: none is recorded in the range."),
    sampled: about("Whether the record was sampled: figures are then estimates.", z.boolean()),
    truncated: about("Whether older decisions of the range were left out.", z.boolean()),
    firstAt: momentOrNull("Of the first decision that was replayed."),
    lastAt: momentOrNull("Of the last."),
    totals: z.strictObject({
      recorded: about("As they were answered.", totals),
      before: about("By the policy in force, from empty counters.", z.strictObject(totals.shape)),
      after: about("By the given policy, from empty counters.", z.strictObject(totals.shape)),
    }),
    newlyDenied: list("Denied by the given policy only; the most requests first."),
    newlyAllowed: list("Let in by the given policy only."),
    changedAccounts: z.strictObject({
      denied: count("Accounts with requests that are newly denied."),
      allowed: count("Accounts with requests that are newly let in."),
    }),
  }),
);

export const simulationAnswerSchema = z.strictObject({
  valid: about("Whether the document could be put into force.", z.boolean()),
  errors: verdictSchema.shape.errors,
  result: about("Null where the document is not valid.", z.nullable(result)),
});
