/** The state of polled data, shown above it or in its place: loading, or what went wrong. */
import type { Polled } from "./use-polled.ts";

export function PollState({ polled }: { readonly polled: Polled<unknown> }) {
  const { value, fault, refresh } = polled;
  if (fault !== null) {
    return (
      <div role="alert" class="fault">
        <p>
          {fault} {value === null ? "" : "The data below is from before. "}Retrying automatically.
        </p>
        <button type="button" onClick={refresh}>
          Retry now
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
