/**
 * What is wrong with the billing fields of a new document, each with its path and what to do. Stored documents are not checked by it:
 * they compile forever, so a check may become stricter here.
 *
 * Pure: no I/O and no clock.
 */
import { exponentOf } from "../billing/currency.ts";
import type { BillingFault } from "../billing/fault.ts";
import { MONEY_MESSAGE } from "../billing/compile-price.ts";
import { parsePrice } from "../billing/money.ts";
import { overageFaults, planFaults } from "../billing/plan-faults.ts";
import { taxFaults } from "../billing/tax.ts";
import { COUNT } from "../billing/usage.ts";
import { REQUESTS } from "../core/unit-costs.ts";
import type { BillingDocument } from "./billing-schema.ts";
import type { Policy } from "./compile.ts";
import { countedUnits } from "./costs.ts";
import { type Fault, knownNames, pointer } from "./fault.ts";
import { isOfPortal } from "./route-table.ts";
import type { LimitDocument, PolicyDocument, TierDocument } from "./schema.ts";

/** Routes that a message lists. */
const MAX_ROUTES = 10;

/** The billing faults of a document that compiles to this policy. */
export function billingFaults(document: PolicyDocument, policy: Policy): Fault[] {
  const { billing } = document;
  const counted = countedUnits(document);
  return [
    ...(billing ? generalFaults(billing, policy) : []),
    ...Object.entries(document.tiers).flatMap(([name, tier]) => {
      const path = ["tiers", name];
      return billing ? tierFaults(tier, path, policy, counted) : withoutBilling(tier, path);
    }),
    ...(billing?.portal ? portalRouteFaults(document) : []),
    ...document.routes.flatMap(({ limits = [] }, i) => routeFaults(limits, ["routes", i, "limits"])),
  ];
}

function generalFaults(billing: BillingDocument, { tiers }: Policy): Fault[] {
  const { currency, carryBelow, costPerMillion, taxes = [], alerts = [], portal } = billing;
  const faults: Fault[] = [];
  const add = (path: readonly PropertyKey[], message: string): void => {
    faults.push({ path: pointer(["billing", ...path]), message });
  };
  if (exponentOf(currency) === null) add(["currency"], `"${currency}" is not a currency of ISO 4217`);
  for (const [field, amount] of Object.entries({ carryBelow, costPerMillion })) {
    if (amount !== undefined && parsePrice(amount) === null) add([field], MONEY_MESSAGE);
  }
  alerts.forEach((percent, i) => {
    const before = alerts[i - 1] ?? 0;
    if (percent <= before) add(["alerts", i], `must be above ${before}, so that thresholds increase`);
  });
  (portal?.tiers ?? []).forEach((name, i) => {
    if (!tiers.has(name)) {
      add(["portal", "tiers", i], `unknown tier "${name}" ${knownNames(tiers.keys())}`);
    }
  });
  return [...faults, ...placed(["billing", "taxes"], taxFaults(taxes))];
}

/** Routes that the portal would hide. A pattern that begins with a parameter or a star has other paths, too. */
function portalRouteFaults({ routes }: PolicyDocument): Fault[] {
  return routes.flatMap(({ match }, i) =>
    isOfPortal(match)
      ? [
          {
            path: pointer(["routes", i, "match"]),
            message: "is reserved for the portal: choose another path, or remove billing.portal",
          },
        ]
      : [],
  );
}

/** Fields that would have no effect: an author who writes a price expects a bill. */
function withoutBilling({ plan, limits }: TierDocument, path: readonly PropertyKey[]): Fault[] {
  const message = 'has no effect without billing: add "billing" to the policy, or remove it';
  const faults = plan === undefined ? [] : [{ path: pointer([...path, "plan"]), message }];
  limits.forEach((limit, i) => {
    if (hasOverage(limit)) faults.push({ path: pointer([...path, "limits", i, "overage"]), message });
  });
  return faults;
}

function tierFaults(
  { plan = {}, limits, shadow = false }: TierDocument,
  path: readonly PropertyKey[],
  policy: Policy,
  counted: ReadonlySet<string>,
): Fault[] {
  const faults = placed([...path, "plan"], planFaults(plan));
  (plan.prices ?? []).forEach(({ route, of }, i) => {
    const place = [...path, "plan", "prices", i];
    if (policy.routes.byId(route) === null) {
      const routes = knownNames(
        policy.routes.all.map(({ id }) => id),
        MAX_ROUTES,
      );
      const message = `is not a route of this policy ${routes}: name it as reports do, with its methods if it has any`;
      faults.push({ path: pointer([...place, "route"]), message });
    }
    if (of !== COUNT && !counted.has(of)) {
      faults.push({
        path: pointer([...place, "of"]),
        message: `"${of}" is not counted ${knownNames([COUNT, ...counted])}`,
      });
    }
  });
  let first: string | null = null;
  limits.forEach((limit, i) => {
    if (!hasOverage(limit)) return;
    const place = [...path, "limits", i];
    if (first !== null) {
      const message = `the limit "${first}" already has overage: a tier may have one overage quota`;
      faults.push({ path: pointer([...place, "overage"]), message });
      return;
    }
    first = limit.name;
    faults.push(
      ...placed(place, quotaFaults(limit)),
      ...shadowFaults(limit.shadow ?? shadow, limit.shadow === undefined ? path : place),
      ...placed([...place, "overage"], overageFaults(limit.overage, plan)),
    );
  });
  return faults;
}

/** Why a quota cannot have overage: it must count what an account uses in its billing period. */
function quotaFaults({ scope = "user", per, anchorDay, unit = REQUESTS }: QuotaDocument): BillingFault[] {
  const faults: BillingFault[] = [];
  if (unit !== REQUESTS) {
    const message = `must be ${REQUESTS}: give usage in other units a price in plan.prices`;
    faults.push({ path: ["unit"], message });
  }
  if (scope !== "user") {
    faults.push({ path: ["scope"], message: "must be user: overage is what an account uses" });
  }
  if (per !== "month") {
    faults.push({ path: ["per"], message: "must be month: overage is billed for a month" });
  }
  if (anchorDay !== undefined) {
    const message =
      "an overage quota counts in the account's billing period: set billing.anchorDay, or the account's own";
    faults.push({ path: ["anchorDay"], message });
  }
  return faults;
}

/** Where a quota with overage is in shadow. */
function shadowFaults(isShadow: boolean, place: readonly PropertyKey[]): Fault[] {
  const message =
    'a quota with overage cannot be in shadow, since its caps protect customers: set "shadow": false for it';
  return isShadow ? [{ path: pointer([...place, "shadow"]), message }] : [];
}

function routeFaults(limits: readonly LimitDocument[], path: readonly PropertyKey[]): Fault[] {
  const message = "only a tier's quota may have overage: give the route a price in plan.prices";
  return limits.flatMap((limit, i) =>
    hasOverage(limit) ? [{ path: pointer([...path, i, "overage"]), message }] : [],
  );
}

type QuotaDocument = Extract<LimitDocument, { kind: "quota" }>;

function hasOverage(
  limit: LimitDocument,
): limit is QuotaDocument & { readonly overage: NonNullable<QuotaDocument["overage"]> } {
  return limit.kind === "quota" && limit.overage !== undefined;
}

function placed(place: readonly PropertyKey[], faults: readonly BillingFault[]): Fault[] {
  return faults.map(({ path, message }) => ({ path: pointer([...place, ...path]), message }));
}
