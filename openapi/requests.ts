/**
 * What the fields of requests and queries mean, and the schemas that clients should write bodies by where the contract's are
 * wider, because the handler reads on by itself.
 */
import * as z from "zod/mini";
import { policySchema } from "../src/policy/schema.ts";
import {
  accountChangeSchema,
  accountsQuery,
  activationSchema,
  deletionQuery,
  MAX_BATCH,
  newAccountSchema,
  newGrantSchema,
  newKeySchema,
  newSessionSchema,
  operationSchema,
  pageQuery,
  policyChangeSchema,
  policyCheckSchema,
  reasonQuery,
  rebuildQuery,
  reportQuery,
  resetSchema,
  rotationSchema,
  simulationSchema,
  usageQuery,
} from "../src/api/schemas.ts";
import { describe, named } from "./said.ts";

const REASON = "Why, for the audit trail.";
const NAME = "For people.";
const PAGE = { limit: "Entries of a page: 50 where left out.", cursor: "Of the page before." };
const FORCE = "Put it into force although accounts use tiers or limits that it lacks.";
const MODE = "The prefix of the key, and nothing else: `live` where left out.";

named("Operation", "One question: may this user do this?", operationSchema);
describe(operationSchema, {
  user: "The user, who need not have an account.",
  route: "A route of the policy by its id: its cost and its own limits count.",
  cost: "Tokens, in steps of 0.001; comes before the route's cost. 1 where neither is named.",
  tier: "The tier of a user without an account; an account's own tier comes first.",
  idempotencyKey:
    "The same key within ten minutes gets the same allowed decision, marked `replayed`, and is charged once; a denial is decided afresh. With another cost, route, tier or peek it is 422 `idempotency_mismatch`. Each API key has keys of its own; all callers over RPC share theirs.",
  peek: "Decide, but charge nothing.",
});
describe(newSessionSchema, { token: "An admin token." });
describe(newAccountSchema, {
  id: "The user's id: what keys speak for, and a token's `sub`.",
  name: NAME,
  tier: "The policy's default tier where left out.",
  reason: REASON,
});
describe(accountChangeSchema, {
  name: NAME,
  tier: "A tier of the policy.",
  status: "`blocked`: every request is refused with 403.",
  limits: "Replaces all numbers of the account's own; null: the tier's numbers again.",
  reason: `At least one of the other fields goes with it. ${REASON}`,
});
describe(newGrantSchema, {
  limit: "The name of one of the tier's limits.",
  amount: "Tokens (in steps of 0.001) or slots on top of its capacity.",
  until: "In the future, by a year at most.",
  reason: REASON,
});
describe(resetSchema, {
  limits: "Names of limits of the account's tier, of routes, or that it has used before; all if left out.",
  reason: REASON,
});
describe(newKeySchema, {
  name: NAME,
  scopes: '`["call"]` where left out.',
  expiresAt: "In the future; a key without it does not expire.",
  mode: MODE,
  reason: REASON,
});
describe(rotationSchema, {
  graceSeconds: "How long the old key still works: a day if left out; 0 ends it at once.",
  mode: MODE,
  reason: REASON,
});
describe(activationSchema, { reason: REASON, force: FORCE });
describe(policyChangeSchema, { document: "The whole policy.", reason: REASON, force: FORCE });
describe(policyCheckSchema, { document: "Any value; a policy is asked for." });
describe(simulationSchema, {
  document: "Any value; a policy is asked for.",
  from: "A moment, or a date for its first moment; an hour before `to` where left out.",
  to: "Exclusive; now where left out.",
});
describe(pageQuery, PAGE);
describe(accountsQuery, {
  tier: "Those of this tier.",
  status: "Those of this status.",
  deleted: "`true`: only deleted accounts whose block is still in force.",
  name: "Those with this in their id or name, whatever the case.",
  ...PAGE,
});
describe(usageQuery, {
  from: "A moment, or a date for its first moment; the beginning of the month where left out.",
  to: "Exclusive; now where left out.",
  granularity: "`day` where left out.",
  anchorDay:
    "With `granularity=month`: months begin on this day (in a shorter month on its last day), as for a quota with this `anchorDay`. 1 if left out.",
  group: "`route`: a row per route rather than one for all.",
  format: "Comes before the header Accept.",
  limit: "Rows of a page: 1,000 where left out.",
  cursor: PAGE.cursor,
});
describe(reportQuery, {
  from: "A moment, or a date for its first moment; an hour before `to` where left out.",
  to: "Exclusive; now where left out. At most 93 days after `from`.",
  interval: "Step of the charts: left out, the finest that makes at most 120 steps. At most 1,000 steps.",
  by: "What `timeseries` is told apart by: `outcome` where left out.",
  order: "What rankings are by: `requests` where left out.",
  account:
    "Only this subject's decisions: a user's id, `user:<id>` or `ip:<address>`; empty: unknown callers. Required for `user`.",
  route: "Only of this route, by its id.",
  tier: "Only by this tier.",
  outcome: "Only with this outcome. `denied`: by a limit; `turned_away`: rejected for another reason.",
  reason: "Only for this reason: the limit that refused, or `ok`, `exempt`, `blocked`, ...",
  source: "Only made there: `strict`, `lease`, `deny-cache`, `fallback` or `none`.",
  keyId: "Only by this API key's id.",
  format: "For `decisions`; comes before the header Accept.",
  limit: "Rows of a ranking or of a page: 20 where left out.",
  cursor: "For `decisions`: of the page before.",
});
describe(reasonQuery, { reason: REASON });
describe(deletionQuery, {
  unblock: "`true`: lift the account's block too, also if the account is deleted already.",
  reason: REASON,
});
describe(rebuildQuery, {
  cursor: "Of the call before.",
  reset: "Forget the list first: for the first call of a rebuild.",
});

/** The contract takes any array: an operation that is none fails alone. */
export const operationsSchema = z.array(operationSchema).check(z.minLength(1), z.maxLength(MAX_BATCH));

/** The contract takes any document and tells its faults with their place. */
export const wholePolicyChangeSchema = z.strictObject({
  ...policyChangeSchema.shape,
  document: policySchema,
});
