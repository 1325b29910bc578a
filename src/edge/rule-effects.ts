/** What a matching rule does to a request, whether the gateway or the decision API matched it. */
import type { Rule } from "../policy/rule.ts";
import { withoutLimits } from "../policy/unlimited.ts";
import type { Services } from "./services.ts";

/** The name of the tier to ask the limiter by. @param tier the caller's, if the rule does not change it. */
export function tierByRule(rule: Rule | null, tier: string): string {
  if (rule === null) return tier;
  return rule.action === "allow" ? withoutLimits(tier) : (rule.tier ?? tier);
}

/** The reason of a rejection, in reports, logs and decisions. */
export function ruleReason({ name }: Rule): string {
  return `rule:${name}`;
}

export function countRule(
  { metrics }: Pick<Services, "metrics">,
  { name, action }: Rule,
  isShadow: boolean,
): void {
  metrics.add("ruleMatches", [name, isShadow ? `would_${action}` : action]);
}
