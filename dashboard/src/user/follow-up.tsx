/** A button for a further change, in the result of another one. */
import { useState } from "preact/hooks";
import type { ApiOutcome } from "../shell/api-client.ts";
import { usePage } from "../shell/page.tsx";

interface Props {
  readonly verb: string;
  readonly run: () => Promise<ApiOutcome<unknown>>;
  /** The message after success. */
  readonly done: string;
}

export function FollowUp({ verb, run, done }: Props) {
  const { signedOut } = usePage();
  const [state, setState] = useState<"offered" | "busy" | { readonly result: string }>("offered");
  const start = async () => {
    setState("busy");
    const outcome = await run();
    if (outcome.kind === "signed-out") return signedOut();
    setState({ result: outcome.kind === "ok" ? done : outcome.detail });
  };
  if (typeof state === "object") return <p>{state.result}</p>;
  return (
    <p>
      <button type="button" disabled={state === "busy"} onClick={() => void start()}>
        {verb}
      </button>
    </p>
  );
}
