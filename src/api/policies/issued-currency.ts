/** Whether a new policy keeps the currency of the documents that are numbered: a deployment has one, once the register has issued any. */
import type { Context } from "hono";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { messageOf } from "../../log.ts";
import { overviewOf, type RegisterOverview } from "../../objects/billing-register.ts";
import type { Policy } from "../../policy/compile.ts";
import type { Fault } from "../../policy/fault.ts";

const DEADLINE_MS = 3_000;

/**
 * The faults of the policy's currency. Asks the register only if the policy in force has another one, or none. If it does not answer, there
 * is none: the register rejects documents of another currency itself.
 */
export async function currencyFaults(c: Context<AppEnv>, { billing }: Policy): Promise<Fault[]> {
  const { policy, services, requestId } = c.var;
  if (billing === null || billing.currency === policy.billing?.currency) return [];
  let issued: RegisterOverview;
  try {
    const overview: Promise<RegisterOverview> = overviewOf(c.env.BILLING_REGISTER).overview();
    issued = await withDeadline(overview, DEADLINE_MS, "register");
  } catch (thrown) {
    services.log("error", "policy_currency_unknown", { requestId, error: messageOf(thrown) });
    return [];
  }
  const { currency } = issued;
  if (currency === null || currency === billing.currency) return [];
  const message = `must be ${currency}: invoices have been issued in it, and a deployment has one currency`;
  return [{ path: "/billing/currency", message }];
}
