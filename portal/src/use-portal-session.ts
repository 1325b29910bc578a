/**
 * The state of the session: asks the API who is signed in, and exchanges a sign-in link in the URL for a session.
 *
 * All tabs of a browser share the cookie, so each tab notifies the others of a sign-in. Otherwise, a tab could show one account and change
 * another.
 */
import { useEffect, useState } from "preact/hooks";
import type { ApiOutcome } from "../../dashboard/src/shell/api-client.ts";
import type { PortalSession } from "./answers.ts";
import { linkAccount, linkToken } from "./link.ts";
import { getSession, signIn, signOut } from "./session.tsx";

const ENDED = "Your session has ended. Sign in again.";
const LINK_USED = "This link was used before, or it has expired. Ask for a new one, or sign in with a key.";
const BAD_KEY = "No account has this key, or it has expired. Check that it is complete.";
/** Notifies the other tabs of a sign-in. Messages have no content. Tabs learn from the API that a session has ended. */
const channel = new BroadcastChannel("portal-session");
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target
const tellOthers = () => channel.postMessage(0);

type State =
  | "starting"
  /** What the sign-in page says first. */
  | { readonly notice: string | null }
  | { readonly failed: string; readonly retry: () => void }
  | PortalSession;

const mayReplace = ({ account, name }: PortalSession, wanted: string): boolean =>
  wanted === account || confirm(`The link is for ${wanted}. Sign out of ${name || account}?`);

/** Use it once, in the root component: its listeners are never removed. */
export function usePortalSession() {
  const [state, setState] = useState<State>("starting");
  const show = (outcome: ApiOutcome<PortalSession>, notice: string | null, retry: () => unknown) => {
    if (outcome.kind === "ok") setState(outcome.value);
    else if (outcome.kind === "signed-out") setState({ notice });
    else setState({ failed: outcome.detail, retry: () => void retry() });
  };
  const enter = async (credential: Parameters<typeof signIn>[0]) => {
    const outcome = await signIn(credential);
    if (outcome.kind === "ok") {
      tellOthers();
      setState(outcome.value);
    }
    return outcome;
  };
  const follow = async (link: string): Promise<void> => {
    setState("starting");
    show(await enter({ link }), LINK_USED, () => follow(link));
  };
  const load = async (): Promise<void> => {
    const link = linkToken(location.hash);
    // So that neither the history nor a copied URL contains the token.
    if (link) history.replaceState(null, "", location.pathname + location.search);
    const outcome = await getSession();
    // Ask first: an attacker could send a link to their own account, so that the customer works in it unnoticed.
    if (link && (outcome.kind !== "ok" || mayReplace(outcome.value, linkAccount(link)))) return follow(link);
    show(outcome, null, load);
  };
  const reload = async (): Promise<void> => {
    const outcome = await getSession();
    if (outcome.kind !== "failed") show(outcome, ENDED, load);
  };
  useEffect(() => {
    void load();
    // Opening a link in a tab that already shows the portal only changes the fragment.
    window.addEventListener("hashchange", () => linkToken(location.hash) && void load());
    channel.addEventListener("message", () => void reload());
  }, []);
  return {
    state,
    reload,
    enterKey: async (key: string): Promise<string | null> => {
      const outcome = await enter({ key });
      return outcome.kind === "ok" ? null : outcome.kind === "failed" ? outcome.detail : BAD_KEY;
    },
    signedOut: () => setState({ notice: ENDED }),
    leave: async () => {
      const outcome = await signOut();
      if (outcome.kind === "failed") return setState({ failed: outcome.detail, retry: () => void load() });
      setState({ notice: "You are signed out." });
    },
  };
}
