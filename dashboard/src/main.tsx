/** The page: sign-in, and behind it the overview. Never styles inline, which the CSP would stop. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, isRecord } from "./api-client.ts";
import { OverviewScreen } from "./overview-screen.tsx";
import { SignIn } from "./sign-in.tsx";
import "./page.css";

const SESSION = "/api/v1/admin/session";

type Session = "unknown" | "signed-out" | { readonly failed: string } | { readonly name: string };

function nameOf(body: unknown): string | null {
  return isRecord(body) && typeof body["name"] === "string" ? body["name"] : null;
}

function App() {
  const [session, setSession] = useState<Session>("unknown");
  const [expired, setExpired] = useState(false);
  const ask = async () => {
    const answer = await call("GET", SESSION, nameOf);
    if (answer.kind === "ok") setSession({ name: answer.value });
    else setSession(answer.kind === "signed-out" ? "signed-out" : { failed: answer.detail });
  };
  useEffect(() => void ask(), []);
  if (session === "unknown") return <p role="status">Loading…</p>;
  if (session === "signed-out") {
    const signIn = async (token: string) => {
      const answer = await call("POST", SESSION, nameOf, { token });
      if (answer.kind === "ok") {
        setExpired(false);
        setSession({ name: answer.value });
        return null;
      }
      return answer.kind === "signed-out" ? "This is not an admin token of this Worker." : answer.detail;
    };
    return <SignIn expired={expired} signIn={signIn} />;
  }
  if ("failed" in session) {
    return (
      <main>
        <p role="alert">{session.failed}</p>
        <button onClick={() => void ask()}>Try again</button>
      </main>
    );
  }
  const expire = () => {
    setExpired(true);
    setSession("signed-out");
  };
  return (
    <>
      <header>
        <strong>Edge Limiter</strong>
        <span class="who">{session.name}</span>
      </header>
      <OverviewScreen onSignedOut={expire} />
    </>
  );
}

const root = document.querySelector("#app");
if (root) render(<App />, root);
