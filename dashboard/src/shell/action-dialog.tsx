/**
 * The dialog for one change: says what it will do, asks for a reason, and shows the result. Every action of the page goes through
 * it, and every action of the portal. Never closes after a failure: the input stays, and the message says what to do.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiOutcome, FailedCall } from "./api-client.ts";
import { fieldOf } from "./field-of.ts";
import { usePage } from "./page.tsx";

interface Props {
  readonly title: string;
  /** What will happen, in a sentence or two. */
  readonly effect: ComponentChildren;
  /** Further form fields; `run` gets their values by name. */
  readonly children?: ComponentChildren;
  /** The label of the button, such as "Block". */
  readonly verb: string;
  readonly isDangerous?: boolean;
  /** False if the API takes no reason, as in the portal. */
  readonly needsReason?: boolean;
  /** Makes the change. `reason` is trimmed, and never empty if it is needed. */
  readonly run: (fields: FormData, reason: string) => Promise<ApiOutcome<unknown>>;
  /** The message after success; may show the value of the answer. */
  readonly done: (value: unknown) => ComponentChildren;
  readonly onClose: () => void;
}

/** As the API limits it. */
const MAX_REASON_LENGTH = 500;

export function ActionDialog(props: Props) {
  const { title, effect, children, verb, isDangerous, needsReason = true, run, done, onClose } = props;
  const { signedOut } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<"asking" | "busy" | { readonly result: ComponentChildren }>("asking");
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  // The button that had the focus is gone.
  useEffect(() => {
    if (typeof state === "object") dialog.current?.querySelector("button")?.focus();
  }, [state]);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (state !== "asking" || !(event.currentTarget instanceof HTMLFormElement)) return;
    const fields = new FormData(event.currentTarget);
    const reason = fieldOf(fields, "reason");
    if (needsReason && reason === "") return setFault("Enter a reason: it goes into the audit log.");
    setState("busy");
    setFault(null);
    const outcome = await run(fields, reason);
    if (outcome.kind === "signed-out") return signedOut();
    if (outcome.kind === "ok") return setState({ result: done(outcome.value) });
    setState("asking");
    setFault(failureText(outcome, needsReason));
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
          {needsReason && (
            <label>
              Reason
              <input name="reason" required maxLength={MAX_REASON_LENGTH} autocomplete="off" />
            </label>
          )}
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

/** @param hasRoles whether a session with a higher role may do more; customers have no roles. */
function failureText({ status, detail }: FailedCall, hasRoles: boolean): string {
  if (hasRoles && status === 403) return `${detail} Ask someone with a higher role.`;
  // Without an answer, or after a fault of the server, the change may have been made all the same.
  return `${status >= 400 && status < 500 ? "Nothing changed" : "The change may not have been made"}: ${detail}`;
}
