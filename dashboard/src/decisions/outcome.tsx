/** The outcome of a decision, as a badge. */
import { Badge } from "../kit/badge.tsx";
import { outcomeTone } from "../kit/tone.ts";
import type { LoggedDecision } from "../shell/answers.ts";
import { OUTCOME_TITLES } from "./decision-guards.ts";

export function Outcome({ of }: { readonly of: LoggedDecision["outcome"] }) {
  return <Badge tone={outcomeTone(of)}>{OUTCOME_TITLES[of]}</Badge>;
}
