/** The page: sign-in, then the screen that the URL names. Never uses inline styles, which the CSP blocks. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "./tokens.css";
import "./page.css";
import { Empty, Failed, Loading } from "./kit/state.tsx";
import { SCREENS } from "./screens.ts";
import type { Session } from "./shell/answers.ts";
import { getSession, signIn, signOut } from "./shell/session.ts";
import { applyTheme, storedTheme } from "./shell/theme.ts";
import { SignIn } from "./shell/sign-in.tsx";
import { LazyScreen } from "./shell/lazy-screen.tsx";
import { Link, PageProvider } from "./shell/page.tsx";
import { type PageAddress, parseAddress, urlOf } from "./shell/page-address.ts";
import { Frame } from "./shell/frame.tsx";

const HOME: PageAddress = { screen: "overview", params: {} };

type SignInState = "unknown" | "signed-out" | { readonly failed: string } | Session;

function currentAddress(): PageAddress {
  const address = parseAddress(location.pathname, location.search);
  return address.screen === "" ? HOME : address;
}

function App() {
  const [state, setState] = useState<SignInState>("unknown");
  const [expired, setExpired] = useState(false);
  const [address, setAddress] = useState(currentAddress);
  const loadSession = async () => {
    const answer = await getSession();
    if (answer.kind === "ok") setState(answer.value);
    else setState(answer.kind === "signed-out" ? "signed-out" : { failed: answer.detail });
  };
  useEffect(() => {
    void loadSession();
    const moved = () => setAddress(currentAddress());
    window.addEventListener("popstate", moved);
    return () => window.removeEventListener("popstate", moved);
  }, []);
  const screen = SCREENS.find(({ name }) => name === address.screen);
  useEffect(() => {
    document.title = `${screen?.title ?? "Page not found"} · Edge Limiter`;
  }, [screen]);
  if (state === "unknown") return <Starting />;
  if (state === "signed-out") {
    const enter = async (token: string) => {
      const answer = await signIn(token);
      if (answer.kind === "ok") {
        setExpired(false);
        setState(answer.value);
        return null;
      }
      return answer.kind === "signed-out" ? "This is not an admin token for this Worker." : answer.detail;
    };
    return <SignIn expired={expired} signIn={enter} />;
  }
  if ("failed" in state) {
    return (
      <main class="sign-in-page">
        <Failed onRetry={() => void loadSession()} verb="Try again">
          {state.failed}
        </Failed>
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
        // A new screen, or a new page of its list, starts at the top.
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
          <LazyScreen key={screen.name} title={screen.title} load={screen.load} />
        ) : (
          <>
            <h1>Page not found</h1>
            <Empty
              title={`There is no screen “${address.screen}”`}
              action={<Link to={HOME}>Go to the overview</Link>}
            />
          </>
        )}
      </Frame>
    </PageProvider>
  );
}

/** Until it is known who is signed in. */
function Starting() {
  return (
    <main class="sign-in-page">
      <Loading />
    </main>
  );
}

applyTheme(storedTheme());
const root = document.querySelector("#app");
if (root) render(<App />, root);
