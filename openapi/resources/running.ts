/** What accounts' open billing periods have come to: response schema and texts. */
import * as z from "zod/mini";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, PAGE } from "../notes.ts";
import { count, moment, money, nextCursor, words } from "../scalars.ts";

export const runningSchema = named(
  "RunningReport",
  "What the open billing periods of a page of accounts have come to.",
  z.strictObject({
    computedAt: moment("When the accounts answered."),
    currency: words("ISO 4217: the policy's."),
    costPerMillion: about(
      "The policy's estimate of what a million requests cost the operator. Null: there is none.",
      z.nullable(z.string()),
    ),
    accounts: z.array(
      named(
        "RunningAccount",
        "An account's open period, rated by the code that closes it.",
        z.strictObject({
          account: userIdSchema,
          name: words("The account's name."),
          tier: words("The tier in force."),
          currency: words(
            "Of the period. If it is not the report's, the policy's has changed since the period began: add up only accounts of one currency.",
          ),
          base: money(
            "The base fee of a whole period, by the terms of now; 0 during a trial. The sum over all accounts is the monthly recurring revenue.",
          ),
          subtotal: money("What the period comes to if no usage follows, before tax."),
          overage: money("Of that, usage beyond the included amount."),
          requests: count("Billed requests of the period so far: admitted, with live keys."),
          cost: about(
            "An estimate: `requests` at `costPerMillion`. Null: the policy has none, or the period is in another currency.",
            z.nullable(z.string()),
          ),
          margin: about(
            "An estimate: `subtotal` less `cost`. Null if `cost` is null.",
            z.nullable(z.string()),
          ),
          periodStart: moment("Its first moment."),
          periodEnd: moment("Exclusive."),
        }),
      ),
    ),
    failed: about(
      "Accounts of this page that did not answer in time: the report's sums lack them. Request the page again, or the billing of each.",
      z.array(userIdSchema),
    ),
    cursor: nextCursor(),
  }),
);
export type RunningResponse = z.infer<typeof runningSchema>;

const reportRunning: OperationNotes = {
  tag: "Billing",
  summary: "What accounts' open billing periods have come to, each asked now",
  description:
    "A page of accounts in the order of their ids. Each takes a call to its object. Accounts that are deleted meanwhile are left out; those that do not answer are named in `failed`. Costs and margins are estimates by the policy's `billing.costPerMillion`.",
  query: PAGE,
  responses: [
    answer(200, "A page of accounts.", runningSchema, {
      page: {
        computedAt: "2026-11-21T01:27:13.050Z",
        currency: "EUR",
        costPerMillion: "0.76",
        accounts: [
          {
            account: "acme",
            name: "Acme GmbH",
            tier: "pro",
            currency: "EUR",
            base: "99.00",
            subtotal: "194.00",
            overage: "95.00",
            requests: 1_200_000,
            cost: "0.91",
            margin: "193.09",
            periodStart: "2026-11-01T00:00:00.000Z",
            periodEnd: "2026-12-01T00:00:00.000Z",
          },
        ],
        failed: [],
        cursor: null,
      },
    }),
  ],
  problems: ["conflict"],
};

export const RUNNING_NOTES = { reportRunning };
