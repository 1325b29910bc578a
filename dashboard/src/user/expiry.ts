/** When a key or a credit expires: the choice in a form. */
import { DAY_MS } from "../shell/durations.ts";
import { fieldOf } from "../shell/field-of.ts";

/** Days. */
export const EXPIRIES = [
  [0, "never"],
  [30, "in 30 days"],
  [90, "in 90 days"],
  [365, "in 365 days"],
] as const;

/** What was chosen from EXPIRIES in the field `expires`; null for never. */
export function expiryOf(fields: FormData): string | null {
  const days = Number(fieldOf(fields, "expires"));
  return days === 0 ? null : new Date(Date.now() + days * DAY_MS).toISOString();
}
