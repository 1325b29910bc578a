/** What a screen shows above, or instead of, its data: that it loads, and what went wrong. */
import type { Polled } from "./use-polled.ts";

export function PollState({ polled }: { readonly polled: Polled<unknown> }) {
  const { value, fault, refresh } = polled;
  if (fault !== null) {
    return (
      <div role="alert" class="fault">
        <p>
          {fault} {value === null ? "" : "What you see is from before. "}It is asked again by itself.
        </p>
        <button type="button" onClick={refresh}>
          Ask now
        </button>
      </div>
    );
  }
  return value === null ? (
    <p role="status" class="loading">
      Loading…
    </p>
  ) : null;
}
