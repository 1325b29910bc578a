/** A customer's billing: the open period, their own budget, and changes of tier among those that the policy offers. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import {
  type BillingResponse,
  makeBillingChange,
  makeTierChange,
  money,
  tierPreview,
  withBilling,
} from "../accounts/billing.ts";
import { invalidContent, readBody } from "../body.ts";
import { type Endpoints, PORTAL } from "../endpoint.ts";
import { tierName } from "../fields.ts";
import { unknownName } from "../known-names.ts";
import { lacking } from "./portal-rights.ts";
import { tierOffer } from "./tier-offer.ts";

const budgetSchema = z.strictObject({ budget: z.nullable(money) });
const tierSchema = z.strictObject({ tier: tierName });

export const PORTAL_BILLING = {
  getPortalBilling: { method: "GET", path: `${PORTAL}/billing`, access: "portal", handler: getBilling },
  changePortalBudget: {
    method: "PATCH",
    path: `${PORTAL}/billing`,
    access: "portal-link",
    body: budgetSchema,
    idempotent: true,
    handler: changeBudget,
  },
  listPortalTiers: { method: "GET", path: `${PORTAL}/tiers`, access: "portal", handler: listTiers },
  previewPortalTier: {
    method: "POST",
    path: `${PORTAL}/tier/preview`,
    access: "portal-link",
    body: tierSchema,
    handler: previewTier,
  },
  changePortalTier: {
    method: "POST",
    path: `${PORTAL}/tier`,
    access: "portal-link",
    body: tierSchema,
    idempotent: true,
    handler: changeTier,
  },
} as const satisfies Endpoints;

async function getBilling(c: Context<AppEnv>): Promise<Response> {
  return withBilling(c, (view) => c.json(ownBilling(view)));
}

/** Applies at once, to every request that is decided from now on. */
async function changeBudget(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, budgetSchema);
  if (!body.ok) return body.response;
  const rejection = lacking(c, "budget");
  if (rejection) return rejection;
  return makeBillingChange(c, body.value, body.value, (view) => c.json(ownBilling(view)));
}

async function listTiers(c: Context<AppEnv>): Promise<Response> {
  const { tiers } = c.var.policy;
  const offered = offeredTiers(c).flatMap((name) => {
    const tier = tiers.get(name);
    return tier ? [tierOffer(tier)] : [];
  });
  return withBilling(c, ({ tier, pendingTier }) =>
    c.json({ current: tier, pending: pendingTier, tiers: offered }),
  );
}

async function previewTier(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, tierSchema);
  if (!body.ok) return body.response;
  const { tier } = body.value;
  return offers(c, tier) ? tierPreview(c, { tier, at: null }) : notOffered(c, tier);
}

async function changeTier(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, tierSchema);
  if (!body.ok) return body.response;
  const rejection = lacking(c, "tier");
  if (rejection) return rejection;
  const { tier } = body.value;
  if (!offers(c, tier)) return notOffered(c, tier);
  const change = { tier, at: null };
  return makeTierChange(c, change, body.value, (at, view) => c.json({ at, billing: ownBilling(view) }));
}

/** The tiers that customers may choose. */
function offeredTiers(c: Context<AppEnv>): readonly string[] {
  return c.var.policy.billing?.portal?.tiers ?? [];
}

function offers(c: Context<AppEnv>, tier: string): boolean {
  return offeredTiers(c).includes(tier) && c.var.policy.tiers.has(tier);
}

function notOffered(c: Context<AppEnv>, tier: string): Response {
  const fault = unknownName("/tier", "tier", tier, offeredTiers(c));
  return invalidContent(c.var.requestId, [fault]).response;
}

/** Without what is the operator's: which revision of the policy the terms are of. */
function ownBilling({ segments, ...view }: BillingResponse) {
  return { ...view, segments: segments.map(({ revision: _revision, ...segment }) => segment) };
}
