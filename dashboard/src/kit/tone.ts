/** The meanings that a colour can have (tokens.css). A tone never stands alone: a word beside it says the same. Pure. */
import type { LoggedDecision } from "../shell/answers.ts";

export type Tone = "allowed" | "denied" | "error" | "warning" | "would-deny" | "neutral" | "info";

const OUTCOME_TONES: Readonly<Record<LoggedDecision["outcome"], Tone>> = {
  allowed: "allowed",
  denied: "denied",
  turned_away: "neutral",
  error: "error",
};

export function outcomeTone(outcome: LoggedDecision["outcome"]): Tone {
  return OUTCOME_TONES[outcome];
}
