/** The matching of rules, as scripts/build-modules.ts builds it. */
export { RuleIndex } from "../policy/rule-index.ts";
