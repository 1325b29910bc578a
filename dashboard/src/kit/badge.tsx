/** A word with a meaning: an outcome, a status, a role. */
import type { ComponentChildren } from "preact";
import "./badge.css";
import type { Tone } from "./tone.ts";

interface Props {
  readonly tone: Tone;
  readonly children: ComponentChildren;
}

export function Badge({ tone, children }: Props) {
  return (
    <span class="badge" data-tone={tone}>
      {children}
    </span>
  );
}
