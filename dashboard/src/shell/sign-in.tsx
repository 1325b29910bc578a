/** Asks for an admin token and exchanges it for a session cookie. Never stores the token. */
import { useState } from "preact/hooks";

interface Props {
  /** Whether an earlier session has ended. */
  readonly expired: boolean;
  /** Resolves to an error message, or null after success. */
  readonly signIn: (token: string) => Promise<string | null>;
}

export function SignIn({ expired, signIn }: Props) {
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const token = new FormData(event.currentTarget).get("token");
    if (typeof token !== "string" || token === "") return;
    setBusy(true);
    setFault(await signIn(token));
    setBusy(false);
  };
  return (
    <main class="sign-in-page">
      <h1>Edge Limiter</h1>
      {expired && <p role="status">Your session has ended. Sign in again.</p>}
      <form onSubmit={(event) => void submit(event)}>
        <label for="token">Admin token</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="current-password"
          required
          maxLength={1024}
        />
        <button class="primary" disabled={busy}>
          Sign in
        </button>
      </form>
      {fault !== null && <p role="alert">{fault}</p>}
      <p class="quiet">
        The token is the Worker's secret <code>ADMIN_TOKEN</code>. A local start keeps it in{" "}
        <code>.dev.vars</code>.
      </p>
    </main>
  );
}
