/**
 * The types of what the API answers, taken from the schemas that the API's contract is made of. The one file of the dashboard that
 * imports from the product; never imports values, because zod would not fit into the page's budget.
 */
import type * as z from "zod/mini";
import type { LiveFrame as Frame, LiveRow as Row } from "../../../src/analytics/live.ts";
import type { ReportAnswer } from "../../../src/analytics/reports/report-answer.ts";
import type * as accounts from "../../../openapi/bodies/account.ts";
import type * as decisions from "../../../openapi/bodies/decision.ts";
import type * as policies from "../../../openapi/bodies/policy.ts";
import type { simulationAnswerSchema } from "../../../openapi/bodies/simulation.ts";

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

type AnswerOf<Schema extends z.ZodMiniType> = Frozen<z.output<Schema>>;

export type Session = AnswerOf<typeof accounts.sessionSchema>;
export type Role = Session["role"];

export type Account = AnswerOf<typeof accounts.accountSchema>;
export type NewAccount = AnswerOf<typeof accounts.newAccountAnswerSchema>;
/** What a new account takes over from an earlier user of the same id. */
export type Inherited = NonNullable<NewAccount["inherited"]>;
export type ChangedAccount = AnswerOf<typeof accounts.changedAccountSchema>;
export type AccountPage = AnswerOf<typeof accounts.accountsSchema>;
export type Grant = AnswerOf<typeof accounts.grantSchema>;
/** Numbers that replace those of a tier's limit: each kind of limit has its own. */
export type LimitNumbers = Account["limits"][string];
export type ApiKey = AnswerOf<typeof accounts.keySchema>;
export type KeyList = AnswerOf<typeof accounts.keysSchema>;
/** With the plaintext, which the API answers this once. */
export type NewKey = AnswerOf<typeof accounts.newKeyAnswerSchema>;
export type UsageReport = AnswerOf<typeof accounts.usageReportSchema>;
export type AuditPage = AnswerOf<typeof accounts.auditSchema>;
export type AuditEntry = AuditPage["entries"][number];

/** A user's limits and usage, as the user's own object has them now. */
export type UserStatus = AnswerOf<typeof decisions.statusSchema>;
/** One limit: tokens (or slots) and milliseconds. */
export type LimitReading = UserStatus["limits"][number];
export type Health = AnswerOf<typeof decisions.healthSchema>;
export type Readiness = AnswerOf<typeof decisions.readySchema>;

export type RevisionInfo = AnswerOf<typeof policies.revisionInfoSchema>;
export type Revision = AnswerOf<typeof policies.revisionSchema>;
export type PolicyDocument = Revision["document"];
export type NewRevision = AnswerOf<typeof policies.newRevisionSchema>;
export type RevisionPage = AnswerOf<typeof policies.revisionsSchema>;
export type PolicyVerdict = AnswerOf<typeof policies.verdictSchema>;

export type Simulation = AnswerOf<typeof simulationAnswerSchema>;

export type Report<Name extends ReportAnswer["report"]> = Frozen<Extract<ReportAnswer, { report: Name }>>;
/** A line of the decision log. */
export type LoggedDecision = Report<"decisions">["decisions"][number];
export type LiveFrame = Frozen<Frame>;
/** A decision of the live stream. */
export type LiveRow = Frozen<Row>;
