/**
 * The types of what the API answers, taken from the schemas that the API's contract is made of. The one file of the dashboard that
 * imports from the product; never imports values, because zod would not fit into the page's budget. Leaves fields out that no screen
 * reads.
 */
import type { LiveFrame as Frame, LiveRow as Row } from "../../../src/analytics/live.ts";
import type { ReportAnswer } from "../../../src/analytics/reports/report-answer.ts";
import type * as accounts from "../../../openapi/resources/accounts.ts";
import type { AuditResponse } from "../../../openapi/resources/audit.ts";
import type * as billing from "../../../openapi/resources/billing.ts";
import type { CreditResponse, RemovedCreditResponse } from "../../../openapi/resources/credits.ts";
import type { GrantResponse } from "../../../openapi/resources/grants.ts";
import type { HealthResponse, ReadyResponse } from "../../../openapi/resources/health.ts";
import type { InvoicedResponse } from "../../../openapi/resources/invoiced.ts";
import type { InvoiceResponse, InvoicesResponse } from "../../../openapi/resources/invoices.ts";
import type { KeyResponse, KeysResponse, NewKeyResponse } from "../../../openapi/resources/keys.ts";
import type * as policies from "../../../openapi/resources/policies.ts";
import type { PolicyUsesResponse } from "../../../openapi/resources/policy-uses.ts";
import type { DocumentsResponse } from "../../../openapi/resources/register.ts";
import type { RunningResponse } from "../../../openapi/resources/running.ts";
import type { SessionResponse } from "../../../openapi/resources/sessions.ts";
import type { SimulationResponse } from "../../../openapi/resources/simulation.ts";
import type { StatusResponse, UsageResponse } from "../../../openapi/resources/usage.ts";
import type { UsersResponse } from "../../../openapi/resources/users.ts";
import type { DeliveryResponse } from "../../../openapi/resources/deliveries.ts";
import type * as webhooks from "../../../openapi/resources/webhooks.ts";

export type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

export type Session = Frozen<SessionResponse>;
export type Role = Session["role"];

type Unread = "version" | "updatedAt";
export type Account = Omit<Frozen<accounts.AccountResponse>, Unread>;
export type NewAccount = Omit<Frozen<accounts.NewAccountResponse>, Unread>;
/** What a new account takes over from an earlier user of the same id. */
export type Inherited = NonNullable<NewAccount["inherited"]>;
export type ChangedAccount = Omit<Frozen<accounts.ChangedAccountResponse>, Unread>;
export type Billing = Frozen<billing.BillingResponse>;
export type TierPreview = Frozen<billing.TierPreviewResponse>;
export type ChangedTier = Frozen<billing.ChangedTierResponse>;
export type Credit = Omit<Frozen<CreditResponse>, "effective" | "createdAt">;
export type RemovedCredit = Pick<Frozen<RemovedCreditResponse>, "removed">;
export type InvoiceSummary = Frozen<InvoicesResponse>["invoices"][number];
/** With its document. */
export type Invoice = Frozen<InvoiceResponse>;
/** An invoice or a credit note in the list of all accounts. */
export type ListedDocument = Frozen<DocumentsResponse>["documents"][number];
/** What was invoiced for the billing periods that began in a range, divided by month, tier, route or customer. */
export type Invoiced = Omit<Frozen<InvoicedResponse>, "by">;
type WholeRunning = Frozen<RunningResponse>;
/** What an account's open period has come to. */
export type RunningAccount = Omit<
  WholeRunning["accounts"][number],
  "cost" | "margin" | "periodStart" | "periodEnd"
>;
/** A page of accounts, each asked live. */
export type RunningPage = Omit<WholeRunning, "accounts"> & { readonly accounts: readonly RunningAccount[] };
export type WebhookEndpoint = Frozen<webhooks.EndpointResponse>;
export type WebhookDelivery = Frozen<DeliveryResponse>;
type Users = Frozen<UsersResponse>;
type WholeUser = Users["users"][number];
/** A user or an address in the list. */
export type ListedUser = Omit<WholeUser, "account" | "usage"> & {
  readonly account: Pick<NonNullable<WholeUser["account"]>, "name" | "tier" | "orphaned"> | null;
  readonly usage: Omit<NonNullable<WholeUser["usage"]>, "allowed" | "turnedAway" | "errors"> | null;
};
export type UserPage = Pick<Users, "cursor"> & {
  readonly users: readonly ListedUser[];
  readonly usage: Omit<NonNullable<Users["usage"]>, "from" | "to"> | null;
};
export type Grant = Frozen<GrantResponse>;
/** Numbers that replace those of a tier's limit: each kind of limit has its own. */
export type LimitNumbers = Account["limits"][string];
export type ApiKey = Frozen<KeyResponse>;
export type KeyList = Frozen<KeysResponse>;
/** With the plaintext, which the API answers this once. */
export type NewKey = Frozen<NewKeyResponse>;
export type UsageReport = Pick<Frozen<UsageResponse>, "usage" | "cursor">;
export type AuditPage = Frozen<AuditResponse>;
export type AuditEntry = AuditPage["entries"][number];

/** A user's limits and usage, as the user's own object has them now. */
export type UserStatus = Omit<Frozen<StatusResponse>, "user" | "billing">;
/** One limit: tokens (or slots) and milliseconds. */
export type LimitReading = UserStatus["limits"][number];
export type Health = Frozen<HealthResponse>;
export type Readiness = Frozen<ReadyResponse>;

export type RevisionInfo = Frozen<policies.RevisionInfoResponse>;
export type Revision = Frozen<policies.RevisionResponse>;
export type PolicyDocument = Revision["document"];
export type NewRevision = Frozen<policies.NewRevisionResponse>;
export type RevisionPage = Frozen<policies.RevisionsResponse>;
export type PolicyVerdict = Frozen<policies.PolicyVerdictResponse>;
export type PolicyUses = Frozen<PolicyUsesResponse>;

export type Simulation = Frozen<SimulationResponse>;

export type ReportName = ReportAnswer["report"];
/** Without its name. */
export type Report<Name extends ReportName> = Omit<Frozen<Extract<ReportAnswer, { report: Name }>>, "report">;
/** A line of the decision log. */
export type LoggedDecision = Report<"decisions">["decisions"][number];
export type LiveFrame = Frozen<Frame>;
/** A decision of the live stream. */
export type LiveRow = Frozen<Row>;
