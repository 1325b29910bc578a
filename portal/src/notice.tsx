/** A notice above the sections of a screen. */
import type { ComponentChildren } from "preact";
import { Icon } from "../../dashboard/src/kit/icon.tsx";
import type { Tone } from "../../dashboard/src/kit/tone.ts";

interface Props {
  readonly tone: Tone;
  readonly children: ComponentChildren;
}

export function Notice({ tone, children }: Props) {
  return (
    <div class="notice" role="status" data-tone={tone}>
      <Icon name="warning" />
      <div>{children}</div>
    </div>
  );
}
