/** Simulation of a policy: response schema and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, RANGE_START } from "../notes.ts";
import { faultsSchema } from "../problem-schema.ts";
import { count, moment, momentOrNull, words } from "../scalars.ts";
import { ANY_DOCUMENT, DOCUMENT } from "./policies.ts";

const totals = { allowed: count("Requests allowed."), denied: count("Requests denied.") };
const simulated = {
  ...totals,
  overage: count("Of the allowed, those that would be overage: beyond what the tier includes, and billed."),
  shadowed: count("Of the allowed, those that limits in shadow would deny."),
};

const comparison = {
  requests: count("Requests replayed."),
  deniedBefore: count("Denied by the policy in force."),
  deniedAfter: count("Denied by the given policy."),
  newlyDenied: count("Denied by the given policy only."),
  newlyAllowed: count("Allowed by the given policy only."),
  overageBefore: count(
    "Allowed by the policy in force beyond what the tier includes: they would be overage.",
  ),
  overageAfter: count("Likewise by the given policy."),
};
const changedAccounts = () =>
  z.strictObject({
    denied: count("Accounts with newly denied requests."),
    allowed: count("Accounts with newly allowed requests."),
  });
const rows = <T extends z.ZodMiniType>(description: string, row: T) =>
  about(description, z.array(row).check(z.maxLength(100)));

const tierSchema = named(
  "SimulatedTier",
  "The requests of one tier, decided by both policies.",
  z.strictObject({
    tier: words("The tier that applied."),
    ...comparison,
    changedAccounts: changedAccounts(),
  }),
);
const routeSchema = named(
  "SimulatedRoute",
  "The requests of one route, decided by both policies.",
  z.strictObject({
    route: words("The route's id; empty for requests with a cost only."),
    ...comparison,
    changedAccounts: changedAccounts(),
  }),
);
const accountSchema = named(
  "SimulatedAccount",
  "The requests of one account in one tier, decided by both policies.",
  z.strictObject({
    account: words("The subject: `user:<id>` or `ip:<address>`."),
    tier: words("The tier that applied."),
    routes: about(
      "Some routes whose requests are decided differently, the most affected first.",
      z.array(z.string()).check(z.maxLength(3)),
    ),
    ...comparison,
  }),
);
const seriesSchema = named(
  "SimulatedSeries",
  "The replayed requests over time, in steps of one width.",
  z.strictObject({
    from: moment("Start of the first step."),
    intervalSeconds: count("Width of a step."),
    requests: about("Requests in each step.", z.array(z.int())),
    deniedBefore: about("Denied by the policy in force.", z.array(z.int())),
    deniedAfter: about("Denied by the given policy.", z.array(z.int())),
  }),
);

const simulationSchema = named(
  "Simulation",
  "What would have changed.",
  z.strictObject({
    from: moment("Start of the range."),
    to: moment("End of the range, exclusive."),
    revision: count("The policy in force."),
    decisions: count("Requests replayed; 0: none is recorded in the range."),
    sampled: about("Whether the record was sampled: figures are then estimates.", z.boolean()),
    truncated: about("Whether older decisions of the range were omitted.", z.boolean()),
    firstAt: momentOrNull("The first decision replayed."),
    lastAt: momentOrNull("The last decision replayed."),
    totals: z.strictObject({
      recorded: about("As recorded.", z.strictObject(totals)),
      before: about("By the policy in force, starting with full limits.", z.strictObject(simulated)),
      after: about("By the given policy, starting with full limits.", z.strictObject(simulated)),
    }),
    series: seriesSchema,
    tiers: rows("The most affected first.", tierSchema),
    routes: rows("The most affected first.", routeSchema),
    newlyDenied: rows(
      "Accounts with requests that only the given policy denies; the most first.",
      accountSchema,
    ),
    newlyAllowed: rows(
      "Accounts with requests that only the given policy allows; the most first.",
      accountSchema,
    ),
    changedAccounts: changedAccounts(),
  }),
);

export const simulationAnswerSchema = z.strictObject({
  valid: about("Whether the document could be put into force.", z.boolean()),
  errors: faultsSchema,
  result: about("Null if the document is invalid.", z.nullable(simulationSchema)),
});
export type SimulationResponse = z.infer<typeof simulationAnswerSchema>;

const FREE = {
  requests: 8_210,
  deniedBefore: 1_210,
  deniedAfter: 2_210,
  newlyDenied: 1_000,
  newlyAllowed: 0,
  overageBefore: 0,
  overageAfter: 0,
};
const UNCHANGED = {
  requests: 40_000,
  deniedBefore: 0,
  deniedAfter: 0,
  newlyDenied: 0,
  newlyAllowed: 0,
  overageBefore: 0,
  overageAfter: 0,
};

const simulatePolicy: OperationNotes = {
  tag: "Policy",
  summary: "Which requests a draft policy would have denied or allowed",
  description:
    "Replays the newest 50,000 recorded decisions of the range with the policy in force and with the given one, both starting with full limits, by the code that decides. The record contains neither overrides, grants and billing of accounts nor the path behind a route's pattern. Under billing, every account counts as one that pays for what its tier allows beyond the included amount, up to the spend cap. Each administrator may run 12 per minute.",
  body: {
    fields: {
      document: ANY_DOCUMENT,
      from: `${RANGE_START} Default: an hour before \`to\`.`,
      to: "Exclusive. Default: now.",
    },
    examples: { policy: { document: DOCUMENT }, invalid: { document: { schema: 1 } } },
  },
  responses: [
    answer(200, "What would have changed, or the document's faults.", simulationAnswerSchema, {
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
            before: { allowed: 47_000, denied: 1_210, overage: 0, shadowed: 0 },
            after: { allowed: 46_000, denied: 2_210, overage: 0, shadowed: 410 },
          },
          series: {
            from: "2026-11-21T08:00:00.000Z",
            intervalSeconds: 900,
            requests: [12_000, 12_210, 12_000, 12_000],
            deniedBefore: [300, 310, 300, 300],
            deniedAfter: [550, 560, 550, 550],
          },
          tiers: [
            { tier: "free", ...FREE, changedAccounts: { denied: 1, allowed: 0 } },
            { tier: "pro", ...UNCHANGED, changedAccounts: { denied: 0, allowed: 0 } },
          ],
          routes: [
            { route: "/compare", ...FREE, changedAccounts: { denied: 1, allowed: 0 } },
            { route: "/identify", ...UNCHANGED, changedAccounts: { denied: 0, allowed: 0 } },
          ],
          newlyDenied: [{ account: "user:acme", tier: "free", routes: ["/compare"], ...FREE }],
          newlyAllowed: [],
          changedAccounts: { denied: 1, allowed: 0 },
        },
      },
      invalid: {
        valid: false,
        errors: [{ path: "/tiers", message: "is missing: expected record" }],
        result: null,
      },
    }),
  ],
  problems: ["not_configured"],
};

export const SIMULATION_NOTES = { simulatePolicy };
