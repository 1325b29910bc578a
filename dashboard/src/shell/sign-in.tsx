/** Asks for an admin token. Never stores it: it is exchanged for a cookie and forgotten. */
import { useState } from "preact/hooks";

interface Props {
  /** Whether a session was there before. */
  readonly expired: boolean;
  /** Resolves to what went wrong; null where nothing did. */
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
    <main class="sign-in">
      <h1>Edge Limiter</h1>
      {expired && <p role="status">Your session has ended: sign in again.</p>}
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
        It is the Worker's secret <code>ADMIN_TOKEN</code>; a local start keeps it in <code>.dev.vars</code>.
      </p>
    </main>
  );
}
