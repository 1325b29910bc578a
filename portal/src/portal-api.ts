/** The portal API's paths, and the parts of its answers that the page shows. Pure; every answer passes a guard. */
import {
  isFlag,
  isListOf,
  isNullOr,
  isNumber,
  isOneOf,
  isShape,
  isText,
  parseAs,
} from "../../dashboard/src/shell/guards.ts";
import { INVOICE, type Invoice } from "../../dashboard/src/billing/invoice-api.ts";
import { type Bill, isBill } from "../../dashboard/src/user/billing-api.ts";
import type { PortalSession, PortalTiers, WholeBilling, WholeInvoice } from "./answers.ts";

const API = "/api/v1/portal";
export const SESSION = `${API}/session`;
export const STATUS = `${API}/status`;
export const USAGE = `${API}/usage`;
export const BILLING = `${API}/billing`;
export const TIERS = `${API}/tiers`;
export const TIER = `${API}/tier`;
export const INVOICES = `${API}/invoices`;
export const KEYS = `${API}/keys`;

export const parseSession = parseAs(
  isShape<PortalSession>({
    account: isText,
    name: isText,
    kind: isOneOf({ key: true, link: true }),
    may: isShape({ keys: isFlag, budget: isFlag, tier: isFlag }),
    expiresAt: isText,
  }),
);

/** What the open period is expected to come to. Usage is in the unit of the allowance; amounts are before tax. */
export type Forecast = Pick<NonNullable<WholeBilling["forecast"]>, "periodEnd" | "usage" | "amount">;

export type Allowance = NonNullable<WholeBilling["allowance"]>;

/** The account's open billing period. */
export interface PortalBilling extends Pick<
  WholeBilling,
  "tier" | "pendingTier" | "trialEndsAt" | "period" | "currency" | "spendCap" | "budget"
> {
  readonly accrued: Bill & Pick<WholeBilling["accrued"], "subtotal">;
  readonly allowance: Allowance | null;
  /** Null until there is enough data. */
  readonly forecast: Forecast | null;
}

const isSubtotal = isShape<{ readonly subtotal: string }>({ subtotal: isText });

const isBilling = isShape<PortalBilling>({
  tier: isText,
  pendingTier: isNullOr(isText),
  trialEndsAt: isNullOr(isText),
  period: isShape({ start: isText, end: isText }),
  currency: isText,
  spendCap: isNullOr(isText),
  budget: isNullOr(isText),
  accrued: (value): value is PortalBilling["accrued"] => isBill(value) && isSubtotal(value),
  allowance: isNullOr(
    isShape<Allowance>({
      limit: isText,
      mode: isOneOf({ stop: true, payg: true, prepaid: true }),
      included: isNumber,
      used: isNumber,
      amount: isNullOr(isNumber),
      stop: isNullOr(isOneOf({ included: true, spend_cap: true, budget: true, credits: true })),
    }),
  ),
  forecast: isNullOr(
    isShape<Forecast>({
      periodEnd: isText,
      usage: isShape({ expected: isNumber, low: isNumber, high: isNumber }),
      amount: isShape({ expected: isText, low: isText, high: isText }),
    }),
  ),
});
export const parseBilling = parseAs(isBilling);

/** A tier that the customer may choose. */
export type PortalTier = PortalTiers["tiers"][number];

export const parseTiers = parseAs(
  isShape<PortalTiers>({
    current: isText,
    pending: isNullOr(isText),
    tiers: isListOf(
      isShape<PortalTier>({
        name: isText,
        base: isText,
        included: isNullOr(isNumber),
        overage: isOneOf({ stop: true, payg: true, prepaid: true }),
        price: isNullOr(isText),
      }),
    ),
  }),
);

/** The answer of a change of tier: when it takes effect, and what the period comes to with it. */
interface PortalChange {
  readonly at: "now" | "period_end";
  readonly billing: PortalBilling;
}
export const parseChange = parseAs(
  isShape<PortalChange>({ at: isOneOf({ now: true, period_end: true }), billing: isBilling }),
);

/** What a change of tier would cost. */
export interface TierPreview {
  readonly at: PortalChange["at"];
  readonly effectiveAt: string;
  readonly periodEnd: string;
  readonly currency: string;
  /** The open period without and with the change, and the next one, without usage. */
  readonly before: Bill;
  readonly after: Bill;
  readonly next: Bill;
}
export const parsePreview = parseAs(
  isShape<TierPreview>({
    at: isOneOf({ now: true, period_end: true }),
    effectiveAt: isText,
    periodEnd: isText,
    currency: isText,
    before: isBill,
    after: isBill,
    next: isBill,
  }),
);

/** An issued invoice or credit note. */
export type PortalInvoice = Invoice & Pick<WholeInvoice, "payAt">;
export const parseInvoices = parseAs(
  isShape<{ readonly invoices: readonly PortalInvoice[]; readonly cursor: string | null }>({
    invoices: isListOf(isShape<PortalInvoice>({ ...INVOICE, payAt: isNullOr(isText) })),
    cursor: isNullOr(isText),
  }),
);
