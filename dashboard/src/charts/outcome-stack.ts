/** The outcomes of requests, as the lines of a stacked chart. */
import type { LoggedDecision } from "../shell/answers.ts";
import type { ColourToken } from "./chart-model.ts";

interface OutcomeLine {
  readonly key: LoggedDecision["outcome"];
  readonly name: string;
  readonly colour: ColourToken;
  readonly isCalm?: boolean;
}

/** From the bottom of the stack to its top. */
export const OUTCOME_STACK: readonly OutcomeLine[] = [
  { key: "allowed", name: "Allowed", colour: "--allowed", isCalm: true },
  { key: "denied", name: "Denied", colour: "--denied" },
  { key: "turned_away", name: "Turned away", colour: "--neutral" },
  { key: "error", name: "Errors", colour: "--error" },
];
