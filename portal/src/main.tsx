/** The page: sign-in by key or by link, then the screen that the URL names. Never uses inline styles, which the CSP blocks. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../../dashboard/src/tokens.css";
import "../../dashboard/src/page.css";
import "./portal.css";
import { Empty, Failed, Loading } from "../../dashboard/src/kit/state.tsx";
import { Link, PageProvider } from "../../dashboard/src/shell/page.tsx";
import { type PageAddress, parseAddress, urlOf } from "../../dashboard/src/shell/page-address.ts";
import { Frame } from "./frame.tsx";
import { SCREENS } from "./screens.ts";
import { SessionProvider } from "./session.tsx";
import { SignIn } from "./sign-in.tsx";
import { usePortalSession } from "./use-portal-session.ts";

const addressNow = (): PageAddress => parseAddress(location.pathname, location.search);

function App() {
  const { state, reload, enterKey, signedOut, leave } = usePortalSession();
  const [address, setAddress] = useState(addressNow);
  // No cleanup: the root never unmounts.
  useEffect(() => window.addEventListener("popstate", () => setAddress(addressNow())), []);
  if (state !== "starting" && "notice" in state) return <SignIn notice={state.notice} signIn={enterKey} />;
  if (state === "starting" || "failed" in state) {
    return (
      <main class="sign-in-page">
        {state === "starting" ? (
          <Loading />
        ) : (
          <Failed onRetry={state.retry} verb="Try again">
            {state.failed}
          </Failed>
        )}
      </main>
    );
  }
  const go = (to: PageAddress, replace = false) => {
    if (replace) history.replaceState(null, "", urlOf(to));
    else {
      history.pushState(null, "", urlOf(to));
      if (to.screen !== address.screen) scrollTo(0, 0);
    }
    setAddress(to);
  };
  const screen = SCREENS.find(({ name }) => name === address.screen);
  return (
    // The portal has no roles, and no part that it shares with the dashboard reads this one.
    <PageProvider value={{ address, role: "viewer", go, signedOut }}>
      <SessionProvider value={{ session: state, reload }}>
        <Frame screen={screen} onSignOut={() => void leave()}>
          {screen ? (
            // Another tab may sign in to another account: the key discards the state of the previous one.
            <screen.body key={`${screen.name} ${state.account}`} />
          ) : (
            <Empty
              title={`There is no page “${address.screen}”`}
              action={<Link to={{ screen: "", params: {} }}>See what is left now</Link>}
            />
          )}
        </Frame>
      </SessionProvider>
    </PageProvider>
  );
}

const root = document.querySelector("#app");
if (root) render(<App />, root);
