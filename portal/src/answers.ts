/**
 * The types of the portal API's answers, from the schemas of the API's contract. The one file of the portal that
 * imports from the product; never imports values (dashboard/src/shell/answers.ts).
 */
import type { Frozen } from "../../dashboard/src/shell/answers.ts";
import type * as portal from "../../openapi/resources/portal.ts";

export type PortalSession = Frozen<portal.PortalSessionResponse>;
export type WholeBilling = Frozen<portal.PortalBillingResponse>;
export type PortalTiers = Frozen<portal.PortalTiersResponse>;
export type WholeInvoice = Frozen<portal.PortalInvoicesResponse>["invoices"][number];
