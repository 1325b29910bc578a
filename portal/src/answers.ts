/**
 * The types of the portal API's answers, from the schemas of the API's contract. The one file of the portal that
 * imports from the product; never imports values (dashboard/src/shell/answers.ts).
 */
import type { Frozen } from "../../dashboard/src/shell/answers.ts";
import type { PortalBillingResponse, PortalTiersResponse } from "../../openapi/resources/portal-billing.ts";
import type { PortalInvoicesResponse } from "../../openapi/resources/portal-invoices.ts";
import type { PortalSessionResponse } from "../../openapi/resources/portal-sessions.ts";

export type PortalSession = Frozen<PortalSessionResponse>;
export type WholeBilling = Frozen<PortalBillingResponse>;
export type PortalTiers = Frozen<PortalTiersResponse>;
export type WholeInvoice = Frozen<PortalInvoicesResponse>["invoices"][number];
