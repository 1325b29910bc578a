/**
 * Applies the policy's rules: in front of authentication, and again after it if a rule that asks who is calling may match. The first rule
 * that matches applies, so a rule waits for the caller only if no earlier one matches.
 */
import { andThen } from "../and-then.ts";
import { deniedByRule } from "../edge/decision-response.ts";
import type { Caller } from "../identity/authenticate.ts";
import { tierOfCaller } from "../edge/caller-tier.ts";
import { countRule, ruleReason, tierByRule } from "../edge/rule-effects.ts";
import type { RuleMatch } from "../policy/rule.ts";
import type { RuleSet } from "../policy/rule-set.ts";
import { loadRuleIndex } from "../rule-module.ts";
import type { Exchange } from "./exchange.ts";
import { logRejection } from "./log-decision.ts";

/** The rules that need no caller. @returns the response if one of them denies the request. */
export function applyRules(exchange: Exchange, rules: RuleSet): Response | null | Promise<Response | null> {
  return andThen(rules.index(loadRuleIndex), (index) => {
    const match = index.match(exchange.request, exchange.route?.id ?? null);
    if (match.pending) exchange.pendingRules = { index, rules: match.pending };
    return applied(exchange, match);
  });
}

/** The rules that waited for the caller. @returns the response if one of them denies the request. */
export function applyCallerRules(exchange: Exchange, { keyId, user }: Caller): Response | null {
  const { pendingRules } = exchange;
  if (pendingRules === null) return null;
  return applied(exchange, pendingRules.index.matchCaller(pendingRules.rules, keyId, user));
}

/** The name of the tier to ask the limiter by. */
export function tierByRules({ rule, policy }: Exchange, caller: Caller): string {
  return tierByRule(rule, tierOfCaller(caller, policy));
}

function applied(exchange: Exchange, { rule, shadow }: RuleMatch): Response | null {
  const { services, requestId } = exchange;
  if (shadow) {
    exchange.shadowRule = shadow;
    countRule(services, shadow, true);
  }
  if (!rule) return null;
  exchange.rule = rule;
  countRule(services, rule, false);
  if (rule.action !== "deny") return null;
  exchange.reason = ruleReason(rule);
  exchange.failed = false;
  logRejection(exchange);
  return deniedByRule(requestId);
}
