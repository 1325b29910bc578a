/**
 * One change of the product: says what it will do, asks why, confirms, and shows what came of it. Every action of the page goes
 * through it. Never closes over a failure: what was typed stays, and the fault says what to do.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Outcome } from "./api-client.ts";
import { usePage } from "./page.tsx";

interface Props {
  readonly title: string;
  /** What will happen, in a sentence or two. */
  readonly effect: ComponentChildren;
  /** More to fill in, as form fields; their values are given to `run` by name. */
  readonly children?: ComponentChildren;
  /** The word on the button, as "Block". */
  readonly verb: string;
  readonly isDangerous?: boolean;
  /** Does it. The reason is among `fields` under "reason", trimmed, never empty. */
  readonly run: (fields: FormData, reason: string) => Promise<Outcome<unknown>>;
  /** What to say when it is done; it may show what came of it. */
  readonly done: (value: unknown) => ComponentChildren;
  readonly onClose: () => void;
}

const LONGEST_REASON = 500;

export function ActionDialog({ title, effect, children, verb, isDangerous, run, done, onClose }: Props) {
  const { signedOut } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<"asking" | "busy" | { readonly result: ComponentChildren }>("asking");
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  // The button that had the focus is gone with the question.
  useEffect(() => {
    if (typeof state === "object") dialog.current?.querySelector("button")?.focus();
  }, [state]);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (state !== "asking" || !(event.currentTarget instanceof HTMLFormElement)) return;
    const fields = new FormData(event.currentTarget);
    const reason = String(fields.get("reason") ?? "").trim();
    if (reason === "") return setFault("Say why: the reason is kept in the audit log.");
    setState("busy");
    setFault(null);
    const outcome = await run(fields, reason);
    if (outcome.kind === "signed-out") return signedOut();
    if (outcome.kind === "ok") return setState({ result: done(outcome.value) });
    setState("asking");
    setFault(
      outcome.status === 403
        ? `${outcome.detail} Ask someone with a higher role.`
        : `Nothing was changed as far as is known: ${outcome.detail}`,
    );
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="action-title">
      <h2 id="action-title">{title}</h2>
      {typeof state === "object" ? (
        <>
          <div role="status">{state.result}</div>
          <div class="buttons">
            <button type="button" autofocus onClick={() => dialog.current?.close()}>
              Close
            </button>
          </div>
        </>
      ) : (
        <form onSubmit={(event) => void submit(event)}>
          <div>{effect}</div>
          {children}
          <label>
            Reason
            <input name="reason" required maxLength={LONGEST_REASON} autocomplete="off" />
          </label>
          {fault !== null && <p role="alert">{fault}</p>}
          <div class="buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button class={isDangerous === true ? "danger" : "primary"} disabled={state === "busy"}>
              {state === "busy" ? "Working…" : verb}
            </button>
          </div>
        </form>
      )}
    </dialog>
  );
}
