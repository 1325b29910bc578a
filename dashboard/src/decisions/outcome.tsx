/** The outcome of a decision, as a badge; with another if something in shadow would have denied it. */
import { Badge } from "../kit/badge.tsx";
import { outcomeTone, type Tone } from "../kit/tone.ts";
import type { LiveRow } from "../shell/answers.ts";
import { OUTCOME_TITLES } from "./decision-guards.ts";

type Decided = Pick<LiveRow, "outcome" | "shadowed">;

export function Outcome({ of: { outcome, shadowed } }: { readonly of: Decided }) {
  return (
    <>
      <Badge tone={outcomeTone(outcome)}>{OUTCOME_TITLES[outcome]}</Badge>
      {shadowed !== "" && (
        <>
          {" "}
          <Badge tone="would-deny">Would deny</Badge>
        </>
      )}
    </>
  );
}

/** Its tone: what is in shadow comes before "allowed". */
export function toneOf({ outcome, shadowed }: Decided): Tone {
  return shadowed === "" ? outcomeTone(outcome) : "would-deny";
}
