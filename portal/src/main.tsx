/** The page: sign-in by key or by link, then the screen that the URL names. Never uses inline styles, which the CSP blocks. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../../dashboard/src/tokens.css";
import "../../dashboard/src/page.css";
import "./portal.css";
import { Empty, Failed, Loading } from "../../dashboard/src/kit/state.tsx";
import type { ApiOutcome } from "../../dashboard/src/shell/api-client.ts";
import { Link, PageProvider } from "../../dashboard/src/shell/page.tsx";
import { type PageAddress, parseAddress, urlOf } from "../../dashboard/src/shell/page-address.ts";
import { Frame } from "./frame.tsx";
import { linkToken } from "./link.ts";
import type { PortalSession } from "./answers.ts";
import { SCREENS } from "./screens.ts";
import { getSession, SessionProvider, signIn, signOut } from "./session.tsx";
import { SignIn } from "./sign-in.tsx";

const ENDED = "Your session has ended. Sign in again.";
const LINK_USED =
  "This link was used before, or it has expired. Ask the provider of this API for a new one, or sign in with a key.";
const BAD_KEY =
  "No account has this key, or it was revoked or has expired. Check that you have pasted all of it.";

type State =
  | "starting"
  /** What the sign-in says first. */
  | { readonly notice: string | null }
  | { readonly failed: string; readonly retry: () => void }
  | PortalSession;

const addressNow = (): PageAddress => parseAddress(location.pathname, location.search);

/** Who is signed in: asks the API, exchanges the link in the URL, and does both again when asked. */
function usePortalSession() {
  const [state, setState] = useState<State>("starting");
  const show = (outcome: ApiOutcome<PortalSession>, notice: string | null, retry: () => void) => {
    if (outcome.kind === "ok") setState(outcome.value);
    else if (outcome.kind === "signed-out") setState({ notice });
    else setState({ failed: outcome.detail, retry });
  };
  const load = async (): Promise<void> => show(await getSession(), null, () => void load());
  const enter = async (link: string): Promise<void> => {
    setState("starting");
    show(await signIn({ link }), LINK_USED, () => void enter(link));
  };
  const begin = () => {
    const link = linkToken(location.hash);
    if (link === null) return void load();
    // Neither the history nor a copied URL keeps the token.
    history.replaceState(null, "", location.pathname + location.search);
    void enter(link);
  };
  useEffect(() => {
    begin();
    // A link that is opened in a tab that shows the portal.
    const moved = () => linkToken(location.hash) !== null && begin();
    window.addEventListener("hashchange", moved);
    return () => window.removeEventListener("hashchange", moved);
  }, []);
  return {
    state,
    reload: async () => {
      const outcome = await getSession();
      if (outcome.kind === "ok") setState(outcome.value);
      if (outcome.kind === "signed-out") setState({ notice: ENDED });
    },
    enterKey: async (key: string): Promise<string | null> => {
      const outcome = await signIn({ key });
      if (outcome.kind === "ok") setState(outcome.value);
      return outcome.kind === "ok" ? null : outcome.kind === "failed" ? outcome.detail : BAD_KEY;
    },
    signedOut: () => setState({ notice: ENDED }),
    leave: async () => {
      const outcome = await signOut();
      if (outcome.kind === "failed") setState({ failed: outcome.detail, retry: () => void load() });
      else setState({ notice: "You are signed out." });
    },
  };
}

function App() {
  const { state, reload, enterKey, signedOut, leave } = usePortalSession();
  const [address, setAddress] = useState(addressNow);
  useEffect(() => {
    const moved = () => setAddress(addressNow());
    window.addEventListener("popstate", moved);
    return () => window.removeEventListener("popstate", moved);
  }, []);
  if (state === "starting") {
    return (
      <main class="sign-in-page">
        <Loading />
      </main>
    );
  }
  if ("notice" in state) return <SignIn notice={state.notice} signIn={enterKey} />;
  if ("failed" in state) {
    return (
      <main class="sign-in-page">
        <Failed onRetry={state.retry} verb="Try again">
          {state.failed}
        </Failed>
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
    // The portal has no roles: nothing that it takes from the dashboard asks for one.
    <PageProvider value={{ address, role: "viewer", go, signedOut }}>
      <SessionProvider value={{ session: state, reload }}>
        <Frame screen={screen} onSignOut={() => void leave()}>
          {screen ? (
            <screen.body key={screen.name} />
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
