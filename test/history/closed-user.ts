/** Accounts whose periods are closed by their own objects, and the rows of their invoices. Asserts nothing. */
import * as z from "zod/mini";
import { readDocument } from "../../src/objects/invoice.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { BilledUser, OPERATOR } from "./billed-user.ts";
import { Registers } from "./registers.ts";

type TierDocument = PolicyDocument["tiers"][string];
type Billing = NonNullable<PolicyDocument["billing"]>;

export function tier(base: string, amount = 100): TierDocument {
  const price = { model: "unit", unit: "0.01" } as const;
  const overage = { mode: "payg", price } as const;
  return {
    limits: [{ name: "month", kind: "quota", amount, per: "month", overage }],
    plan: { base },
    mode: "strict",
  };
}

export function policy(base = "31", billing: Partial<Billing> = {}): PolicyDocument {
  return {
    schema: 1,
    tiers: { free: { limits: [] }, pro: tier(base), nothing: tier("0") },
    routes: [{ match: "/a" }, { match: "/b" }],
    anonymousTier: "free",
    defaultTier: "free",
    billing: { currency: "USD", ...billing },
  };
}

export const withoutBilling: PolicyDocument = {
  schema: 1,
  tiers: { free: { limits: [] } },
  routes: [],
  anonymousTier: "free",
  defaultTier: "free",
};

export async function account(
  document = policy(),
  {
    at = "2026-01-01T00:00:00Z",
    tierName = "pro",
    registers = new Registers(),
    name = "ann",
    variables = {},
  } = {},
): Promise<BilledUser> {
  const user = new BilledUser(Date.parse(at), registers, name, variables);
  const revision = user.publish(document);
  await user.object.createAccount(name, { name: "Ann", tier: tierName }, OPERATOR, revision);
  user.disk.flush();
  return user;
}

const rowSchema = z.object({
  period_ms: z.number(),
  status: z.string(),
  document: z.string(),
  number: z.nullable(z.string()),
  sha256: z.nullable(z.string()),
  finalize_ms: z.number(),
  due_ms: z.nullable(z.number()),
});

/** The rows of the invoices, oldest first. */
export function invoices(user: BilledUser) {
  return user.disk
    .exec("SELECT * FROM invoices ORDER BY period_ms", [])
    .map((row) => rowSchema.parse(row))
    .map((row) => Object.assign({}, row, { text: row.document, document: readDocument(row.document) }));
}

export const statuses = (user: BilledUser) =>
  invoices(user).map(({ status, number, document }) => [status, number, document.totalMinor]);
