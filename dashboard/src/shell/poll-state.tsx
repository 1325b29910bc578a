/** The state of polled data, shown above it or in its place: loading, or what went wrong. */
import { Failed, Loading } from "../kit/state.tsx";
import type { Polled } from "./use-polled.ts";

interface Props {
  readonly polled: Polled<unknown>;
  /** How many rows the data will about have. */
  readonly rows?: number;
}

export function PollState({ polled, rows = 3 }: Props) {
  const { value, fault, refresh } = polled;
  if (fault !== null) {
    return (
      <Failed onRetry={refresh}>
        {fault} {value === null ? "" : "The data below is from before. "}Retrying automatically.
      </Failed>
    );
  }
  return value === null ? <Loading rows={rows} /> : null;
}
