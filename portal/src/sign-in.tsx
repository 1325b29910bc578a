/** Asks for one of the customer's own keys, and exchanges it for a session cookie. Never stores the key. */
import { useState } from "preact/hooks";
import { fieldOf } from "../../dashboard/src/shell/field-of.ts";

interface Props {
  /** What happened before: a session ended, or a link did not work. */
  readonly notice: string | null;
  /** Resolves to an error message, or null after success. */
  readonly signIn: (key: string) => Promise<string | null>;
}

export function SignIn({ notice, signIn }: Props) {
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent & { readonly currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    setBusy(true);
    setFault(await signIn(fieldOf(new FormData(event.currentTarget), "key")));
    setBusy(false);
  };
  return (
    <main class="sign-in-page">
      <h1>Your account</h1>
      {notice !== null && <p role="status">{notice}</p>}
      <form onSubmit={(event) => void submit(event)}>
        <label>
          API key
          <input
            name="key"
            type="password"
            autocomplete="current-password"
            required
            maxLength={256}
            aria-invalid={fault !== null}
            aria-describedby="sign-in-fault"
          />
        </label>
        <p id="sign-in-fault" role="alert">
          {fault}
        </p>
        <button class="primary" disabled={isBusy}>
          {isBusy ? "Signing in…" : "Sign in"}
        </button>
      </form>
      <p class="quiet">
        Any valid key of your account shows your limits, usage and invoices. To change your plan or your
        budget, ask the provider of this API for a sign-in link.
      </p>
    </main>
  );
}
