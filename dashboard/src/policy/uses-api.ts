/** The admin API's answers about what accounts use of a policy. Pure; every answer passes a guard. */
import type { PolicyUses } from "../shell/answers.ts";
import { isFlag, isListOf, isNullOr, isNumber, isOneOf, isShape, isText, parseAs } from "../shell/guards.ts";
import { POLICY } from "./policy-api.ts";

export const USES = `${POLICY}/uses`;

export type PolicyUse = PolicyUses["uses"][number];

export const isUse = isShape<PolicyUse>({
  kind: isOneOf({ tier: true, override: true, grant: true }),
  tier: isText,
  limit: isNullOr(isText),
  accounts: isNumber,
  examples: isListOf(isText),
});
/** What accounts use of the policies, and whether that is all. */
export const parseUses = parseAs(isShape<PolicyUses>({ uses: isListOf(isUse), complete: isFlag }));
