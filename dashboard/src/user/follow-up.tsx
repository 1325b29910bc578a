/** A further change that the result of another one offers as a button. Never made without a click. */
import { useState } from "preact/hooks";
import type { Outcome } from "../shell/api-client.ts";
import { usePage } from "../shell/page.tsx";

interface Props {
  readonly verb: string;
  readonly run: () => Promise<Outcome<unknown>>;
  /** What to say when it is done. */
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
