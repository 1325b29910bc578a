/** The page: sign-in, and behind it the screen that the URL names. Never styles inline, which the CSP would stop. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "./page.css";
import { SCREENS } from "./screens.ts";
import { Frame } from "./shell/frame.tsx";
import { Link, PageProvider } from "./shell/page.tsx";
import { type PageAddress, parseAddress, urlOf } from "./shell/page-address.ts";
import { getSession, type Session, signIn, signOut } from "./shell/session.ts";
import { SignIn } from "./shell/sign-in.tsx";
import { applyTheme, storedTheme } from "./shell/theme.ts";

const HOME: PageAddress = { screen: "overview", params: {} };

type State = "unknown" | "signed-out" | { readonly failed: string } | Session;

function here(): PageAddress {
  const address = parseAddress(location.pathname, location.search);
  return address.screen === "" ? HOME : address;
}

function App() {
  const [state, setState] = useState<State>("unknown");
  const [expired, setExpired] = useState(false);
  const [address, setAddress] = useState(here);
  const ask = async () => {
    const answer = await getSession();
    if (answer.kind === "ok") setState(answer.value);
    else setState(answer.kind === "signed-out" ? "signed-out" : { failed: answer.detail });
  };
  useEffect(() => {
    void ask();
    const moved = () => setAddress(here());
    window.addEventListener("popstate", moved);
    return () => window.removeEventListener("popstate", moved);
  }, []);
  const screen = SCREENS.find(({ name }) => name === address.screen);
  useEffect(() => {
    document.title = `${screen?.title ?? "No such page"} · Edge Limiter`;
  }, [screen]);
  if (state === "unknown") return <p role="status">Loading…</p>;
  if (state === "signed-out") {
    const enter = async (token: string) => {
      const answer = await signIn(token);
      if (answer.kind === "ok") {
        setExpired(false);
        setState(answer.value);
        return null;
      }
      return answer.kind === "signed-out" ? "This is not an admin token of this Worker." : answer.detail;
    };
    return <SignIn expired={expired} signIn={enter} />;
  }
  if ("failed" in state) {
    return (
      <main>
        <p role="alert">{state.failed}</p>
        <button onClick={() => void ask()}>Try again</button>
      </main>
    );
  }
  const page = {
    address,
    role: state.role,
    go: (to: PageAddress, replace = false) => {
      if (replace) history.replaceState(null, "", urlOf(to));
      else {
        history.pushState(null, "", urlOf(to));
        // Another screen, or another page of its list, begins at its top.
        if (to.screen !== address.screen || to.params["cursor"] !== address.params["cursor"]) scrollTo(0, 0);
      }
      setAddress(to);
    },
    signedOut: () => {
      setExpired(true);
      setState("signed-out");
    },
  };
  const leave = async () => {
    const answer = await signOut();
    setState(answer.kind === "failed" ? { failed: answer.detail } : "signed-out");
  };
  return (
    <PageProvider value={page}>
      <Frame screens={SCREENS} who={state.name} onSignOut={() => void leave()}>
        {screen ? (
          <screen.Component key={screen.name} />
        ) : (
          <>
            <h1>No such page</h1>
            <p>
              There is no screen “{address.screen}”. <Link to={HOME}>Go to the overview</Link>
            </p>
          </>
        )}
      </Frame>
    </PageProvider>
  );
}

applyTheme(storedTheme());
const root = document.querySelector("#app");
if (root) render(<App />, root);
