/** The built matching of rules (scripts/build-modules.ts). */
export { RuleIndex } from "../policy/rule-index.ts";
