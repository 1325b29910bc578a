/** The overview without traffic: how to send some. */
import { CopyButton } from "../kit/copy-button.tsx";
import { Empty } from "../kit/state.tsx";

interface Props {
  /** "in the last hour". */
  readonly when: string;
  /** Whether the period has ended: nothing that is sent now appears in it. */
  readonly isPast: boolean;
  readonly isFiltered: boolean;
}

export function NoTraffic({ when, isPast, isFiltered }: Props) {
  if (isFiltered) {
    return (
      <div class="card">
        <Empty
          title={`No requests ${when} match the filters`}
          hint="Clear a filter, or choose a longer range."
        />
      </div>
    );
  }
  if (isPast) {
    return (
      <div class="card">
        <Empty title={`No requests ${when}`} hint="Choose another period, or zoom out." />
      </div>
    );
  }
  const command = `curl -i -H 'X-API-Key: <a key>' ${location.origin}/identify`;
  return (
    <div class="card">
      <Empty
        title={`No requests ${when}`}
        hint={
          <>
            <p>Send one, and it appears here within seconds:</p>
            <pre>{command}</pre>
            <p>
              Any path with a route in the policy works. Issue keys on a user's screen. A local start prints a
              key, and <code>npm run demo:traffic</code> sends it a mix of requests.
            </p>
          </>
        }
        action={<CopyButton text={command} label="Copy the command" />}
      />
    </div>
  );
}
