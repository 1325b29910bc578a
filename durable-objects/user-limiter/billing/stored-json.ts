/** Schemas of what billing stores as JSON: terms, usage, grants and the customer. Field by field, so nothing unknown is rated. */
import * as z from "zod/mini";
import type { IncludedGrant } from "../../../src/billing/segment.ts";
import type { Terms } from "../../../src/billing/terms.ts";
import type { UsageRow } from "../../../src/billing/usage.ts";
import { parseJson } from "../../../src/json.ts";
import { type Customer, customerSchema } from "../../../src/objects/billing.ts";
import { termsSchema, usageSchema } from "../../../src/objects/invoice.ts";

const count = z.int().check(z.gte(0));

const grantsSchema = z.array(
  z.strictObject({ limit: z.string(), amountMilli: count, fromMs: z.number(), untilMs: z.number() }),
) satisfies z.ZodMiniType<IncludedGrant[]>;

/** Each throws if the text is not what was stored: a bill must not be guessed. */
export const readTerms = (text: string): Terms => termsSchema.parse(parseJson(text));
export const readUsage = (text: string): UsageRow[] => usageSchema.parse(parseJson(text));
export const readGrants = (text: string): IncludedGrant[] => grantsSchema.parse(parseJson(text));
export const readCustomer = (text: string): Customer => customerSchema.parse(parseJson(text));
